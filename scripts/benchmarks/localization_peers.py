"""Localizes a movie with another program: localization_peers.py storm-analysis|picasso MOVIE.dax TABLE.csv KEY=VALUE ...

Keys: sigma_px, pixel_nm, offset, gain (counts per electron), threshold, model (2dfixed, 2d), gradient, method, box, frames.
Writes a table with frame (from 1), x_nm, y_nm, photons (positions from the corner of the first pixel) and prints
{"seconds": ..., "localizations": ...}: the processor time of the analysis without imports and compilation, or a single
line that begins with "absent:" when the program is not installed.
"""

import contextlib
import csv
import json
import os
import sys
import tempfile
import time

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


def storm_analysis(movie, keys):
    import storm_analysis.daostorm_3d.mufit_analysis as mufit
    import storm_analysis.sa_library.parameters as parameters
    import storm_analysis.sa_library.sa_h5py as sa_h5py

    p = parameters.ParametersDAO()
    settings = {
        "max_frame": ("int", -1), "start_frame": ("int", -1), "background_sigma": ("float", 8.0),
        "camera_gain": ("float", keys["gain"]), "camera_offset": ("float", keys["offset"]), "fftw_estimate": ("int", 0),
        "find_max_radius": ("int", int(keys.get("radius", 5))), "fit_error_model": ("string", "MLE"),
        "foreground_sigma": ("float", keys.get("foreground", 1.0)), "iterations": ("int", 20),
        "model": ("string", keys.get("model", "2dfixed")), "pixel_size": ("float", keys["pixel_nm"]),
        "roi_size": ("int", int(keys.get("box", 9))), "sigma": ("float", keys["sigma_px"]),
        "threshold": ("float", keys.get("threshold", 6.0)), "descriptor": ("string", "1"), "radius": ("float", "0"),
        "d_scale": ("int", 2), "drift_correction": ("int", 0), "frame_step": ("int", 500), "z_correction": ("int", 0),
        "do_zfit": ("int", 0), "cutoff": ("float", 0.0), "max_z": ("float", 0.5), "min_z": ("float", -0.5),
        "z_value": ("float", 0.0), "z_step": ("float", 1.0),
    }
    for axis, centre in (("x", 150.0), ("y", -150.0)):
        settings[f"w{axis}_wo"] = ("float", 300.0)
        settings[f"w{axis}_c"] = ("float", centre)
        settings[f"w{axis}_d"] = ("float", 400.0)
        for letter in "ABCD":
            settings[f"w{axis}{letter}"] = ("float", 0.0)
    for name, (kind, value) in settings.items():
        p.setAttr(name, kind, value)
    with tempfile.TemporaryDirectory() as folder:
        xml = os.path.join(folder, "settings.xml")
        p.toXMLFile(xml)
        found = os.path.join(folder, "found.hdf5")
        start = time.process_time()
        with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
            mufit.analyze(movie, found, xml)
        seconds = time.process_time() - start
        rows = []
        with sa_h5py.SAH5Py(found) as table:
            for index in range(table.getMovieLength()):
                locs = table.getLocalizationsInFrame(index)
                if locs:
                    for x, y, photons in zip(locs["x"], locs["y"], locs["sum"]):
                        rows.append((index + 1, (x + 0.5) * keys["pixel_nm"], (y + 0.5) * keys["pixel_nm"], photons))
    return seconds, rows


def picasso(movie, keys):
    import numpy
    from picasso import io, localize

    lines = open(movie[:-4] + ".inf").read()
    size = lines.split("frame dimensions =")[1].split("\n")[0].split("x")
    width, height = int(size[0]), int(size[1])
    frames = numpy.fromfile(movie, dtype=">u2").astype(numpy.uint16).reshape(-1, height, width)
    camera = {"Baseline": keys["offset"], "Sensitivity": 1 / keys["gain"], "Gain": 1, "Qe": 1, "Pixelsize": keys["pixel_nm"]}
    box = int(keys.get("box", 9))
    method = keys.get("method", "gaussmle-spherical")

    def run(folder, part):
        path = os.path.join(folder, f"{len(part)}.raw")
        part.tofile(path)
        with open(path[:-4] + ".yaml", "w") as file:
            file.write(
                f"Byte Order: <\nData Type: uint16\nFrames: {len(part)}\nHeight: {height}\nWidth: {width}\n")
        start = time.process_time()
        loaded, _ = io.load_movie(path)
        found, _ = localize.identify(loaded, keys["gradient"], box, threaded=False, return_info=True)
        locs = localize.fit(
            loaded, camera_info=camera, identifications=found, box=box, fitting_method=method, multiprocess=False)[0]
        return time.process_time() - start, locs

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        run(folder, frames[:1])
        seconds, locs = run(folder, frames)
    pixel = keys["pixel_nm"]
    return seconds, [
        (int(f) + 1, (x + 0.5) * pixel, (y + 0.5) * pixel, n)
        for f, x, y, n in zip(locs["frame"], locs["x"], locs["y"], locs["photons"])]


def main():
    program, movie, table = sys.argv[1:4]
    keys = {}
    for word in sys.argv[4:]:
        name, value = word.split("=")
        try:
            keys[name] = float(value)
        except ValueError:
            keys[name] = value
    try:
        seconds, rows = {"storm-analysis": storm_analysis, "picasso": picasso}[program](movie, keys)
    except ImportError as error:
        print(f"absent: {error}")
        return
    with open(table, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "x [nm]", "y [nm]", "intensity [photon]"])
        writer.writerows(rows)
    print(json.dumps({"seconds": seconds, "localizations": len(rows)}))


if __name__ == "__main__":
    main()
