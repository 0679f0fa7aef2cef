"""Cameras: their settings, and frames by way of a ring of slots in shared memory."""
import mmap
import os
import tempfile
import threading
import time

from wire import EVENT, FRAME, FRAME_HEAD, Refusal, call

CAMERA = 2


class Frames:
    @call
    def camera(self, label):
        """The whole sensor and what can be set; the region is the whole sensor then."""
        core = self.core
        core.setCameraDevice(label)
        core.clearROI()
        binning = core.getProperty(label, "Binning") if core.hasProperty(label, "Binning") else "1"
        factor = int(binning.split("x")[0])
        binnings = core.getAllowedPropertyValues(label, "Binning") if core.hasProperty(label, "Binning") else ["1"]
        limits = [core.getPropertyLowerLimit(label, "Exposure"), core.getPropertyUpperLimit(label, "Exposure")] \
            if core.hasProperty(label, "Exposure") and core.hasPropertyLimits(label, "Exposure") else None
        return {"width": core.getImageWidth() * factor, "height": core.getImageHeight() * factor,
                "binnings": list(binnings), "bytes": core.getBytesPerPixel(), "components": core.getNumberOfComponents(),
                "exposure": limits}

    @call
    def exposure(self, label, exposure_ms=None):
        if exposure_ms is not None:
            self.core.setExposure(label, float(exposure_ms))
        return self.core.getExposure(label)

    @call
    def region(self, label, *region):
        """The region in binned pixels: column, row, width, height."""
        if region:
            self.core.setROI(label, *[int(each) for each in region])
        return list(self.core.getROI(label))

    @call
    def start(self, label, frames):
        """Begins a sequence; never a snap, which would lock every device of the camera's module until it is exposed."""
        core = self.core
        if self.pumping and self.pumping.is_alive():
            if any(core.isSequenceRunning(each) for each in core.getLoadedDevicesOfType(CAMERA)):
                raise Refusal("busy", "a camera takes a sequence; stop it first", label)
            self.pumping.join()
        core.setCameraDevice(label)
        size = core.getImageWidth() * core.getImageHeight() * core.getBytesPerPixel()
        if core.getNumberOfComponents() != 1 or core.getBytesPerPixel() not in (1, 2):
            raise Refusal("pixel-type", "%s gives colour or %d bytes a pixel; set it to grey of 8 or 16 bit" % (
                label, core.getBytesPerPixel()), label)
        wanted_mb = min(768, max(64, int(size * 2000 / max(1.0, core.getExposure(label))) >> 20))
        if core.getCircularBufferMemoryFootprint() != wanted_mb:
            core.setCircularBufferMemoryFootprint(wanted_mb)
        slots = max(4, min(64, (64 << 20) // size))
        path = self.make_ring(slots * size)
        self.sequence += 1
        self.credits = threading.Semaphore(slots)
        core.startSequenceAcquisition(int(frames), 0.0, True)
        number = self.sequence
        self.pumping = threading.Thread(target=self.pump, args=(label, number, slots, size, self.credits), daemon=True)
        # No frame is sent before the host knows the ring.
        return {"ring": path, "slots": slots, "slot_bytes": size, "number": number}, self.pumping.start

    def pump(self, label, number, slots, size, credits):
        core, md, index, taken = self.core, self.pymmcore.Metadata(), -1, 0
        failure = ""
        try:
            while self.sequence == number:
                if core.getRemainingImageCount() == 0:
                    if not core.isSequenceRunning(label) and core.getRemainingImageCount() == 0:
                        break
                    time.sleep(0.0003)
                    continue
                if not credits.acquire(timeout=0.1):
                    continue
                image = core.popNextImageMD(md)
                slot = taken % slots
                self.ring[slot * size:slot * size + image.nbytes] = memoryview(image).cast("B")
                tags = md.GetKeys()
                now = int(md.GetSingleTag("ImageNumber").GetValue()) if "ImageNumber" in tags else index + 1
                elapsed = float(md.GetSingleTag("ElapsedTime-ms").GetValue()) if "ElapsedTime-ms" in tags else -1e-6
                height, width = image.shape
                self.tell(FRAME, number, FRAME_HEAD.pack(
                    0, 1, now, int(elapsed * 1e6), time.time_ns(), width, height, width * image.itemsize,
                    image.itemsize, max(0, now - index - 1), slot))
                index, taken = now, taken + 1
        except Exception as error:
            failure = str(error)
        if self.sequence == number:
            self.tell(EVENT, number, {"event": "sequence", "frames": taken, "overflow": core.isBufferOverflowed(),
                                           "failure": failure})

    @call
    def stop_sequence(self, label):
        if self.core.isSequenceRunning(label):
            self.core.stopSequenceAcquisition(label)

    def make_ring(self, size):
        if self.ring is None or len(self.ring) < size:
            self.discard_ring()
            folder = "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else None
            for place in (folder, None):
                file, self.ring_path = tempfile.mkstemp(prefix="stormbench-", dir=place)
                try:
                    if hasattr(os, "posix_fallocate"):
                        os.posix_fallocate(file, 0, size)
                    else:
                        os.ftruncate(file, size)
                    self.ring = mmap.mmap(file, size)
                    break
                except OSError:
                    os.unlink(self.ring_path)
                    if place is None:
                        raise Refusal("no-memory", "no room for %d MB of frames" % (size >> 20))
                finally:
                    os.close(file)
        return self.ring_path

    def discard_ring(self):
        if self.ring is not None:
            self.ring = None
            try:
                os.unlink(self.ring_path)
            except OSError:
                pass
