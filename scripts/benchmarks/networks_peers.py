"""The peers of `scripts/bench networks`: PyTorch (channels last) and ONNX Runtime on torchvision's DeepLabV3.

Started by the measurement, once per peer and case. `export` writes the ONNX file that `onnxruntime` reads; the others
say "ready" and then, for each line with a number on standard input, do as many passes and answer with the seconds of
wall and of CPU time that they took; at the end of the input they answer with the peak of their memory in bytes.
"""
import argparse
import resource
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("peer", choices=["check", "export", "pytorch", "onnxruntime"])
parser.add_argument("--network", default="deeplabv3_resnet101")
parser.add_argument("--task", choices=["forward", "training"], default="forward")
parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--side", type=int, default=512)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--spin", type=int, default=0)
parser.add_argument("--file", default="network.onnx")
args = parser.parse_args()


def build():
    import torch
    from torchvision.models import segmentation

    torch.manual_seed(1)
    make = getattr(segmentation, args.network)
    return make(weights=None, weights_backbone=None, num_classes=2, aux_loss=False)


def check():
    import onnx
    import onnxruntime
    import torch
    import torchvision

    print(f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, ONNX Runtime {onnxruntime.__version__}")


def export():
    import torch

    class Logits(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, image):
            return self.network(image)["out"]

    image = torch.zeros(args.batch, 3, args.side, args.side)
    torch.onnx.export(Logits(build().eval()).eval(), (image,), args.file, dynamo=False, input_names=["image"])


def pytorch():
    import torch

    torch.set_num_threads(args.threads)
    network = build().to(memory_format=torch.channels_last)
    image = torch.randn(args.batch, 3, args.side, args.side).contiguous(memory_format=torch.channels_last)
    half = args.precision == "bf16"
    if args.task == "forward":
        network.eval()
        if half:
            network, image = network.to(torch.bfloat16), image.to(torch.bfloat16)

        def step():
            with torch.inference_mode():
                return network(image)["out"]

        return step
    network.train()
    target = (torch.rand(args.batch, args.side, args.side) > 0.5).long()
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)

    def step():
        adam.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = network(image)["out"]
        loss = torch.nn.functional.cross_entropy(logits.float(), target)
        loss.backward()
        adam.step()

    return step


def onnxruntime():
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(args.spin))
    session = onnxruntime.InferenceSession(args.file, options, providers=["CPUExecutionProvider"])
    image = numpy.random.default_rng(1).standard_normal((args.batch, 3, args.side, args.side), numpy.float32)
    return lambda: session.run(None, {"image": image})


def cpu():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


if args.peer in ("check", "export"):
    {"check": check, "export": export}[args.peer]()
    sys.exit()
step = {"pytorch": pytorch, "onnxruntime": onnxruntime}[args.peer]()
print("ready", flush=True)
for line in sys.stdin:
    wall, busy = time.perf_counter(), cpu()
    for _ in range(int(line)):
        step()
    print(time.perf_counter() - wall, cpu() - busy, flush=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
