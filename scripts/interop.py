"""Compares Stormbench with PyTorch, ONNX Runtime and bioimage.io's validator; started by scripts/check-interop."""

import importlib
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile

binaries = sys.argv[1]
failures = 0


def peer(name):
    """The module of that name, or nothing and a message."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"-- {name} is not installed: its checks are left out")


def verdict(what, good, figure=""):
    global failures
    failures += not good
    print(f"{'ok    ' if good else 'FAILED'} {what}{': ' if figure else ''}{figure}", flush=True)


def run(program, *arguments):
    return subprocess.run([f"{binaries}/{program}", *arguments], capture_output=True, text=True)


def difference(what, found, expected, bound):
    worst = float(abs(found - expected).max())
    verdict(what, found.shape == expected.shape and worst <= bound,
            f"at most {worst:.1e} apart, values from {expected.min():.3g} to {expected.max():.3g}, asked: {bound:g}")


class Attack:
    def __init__(self, function, argument):
        self.call = (function, (argument,))

    def __reduce__(self):
        return self.call


def check_attacks(folder):
    mark = f"{folder}/mark"
    attacks = {"os.system": (os.system, f"touch {mark}"), "eval": (eval, f"open({mark!r}, 'w')"),
               "exec": (exec, f"open({mark!r}, 'w')")}
    for name, (function, argument) in attacks.items():
        for protocol in (2, 4):
            path = f"{folder}/attack.pth"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("archive/data.pkl", pickle.dumps({"a": Attack(function, argument)}, protocol))
            result = run("InteropCheck", "--checkpoint", path, "--output", folder)
            text = result.stderr.strip()
            wanted = function.__name__ in text and "asks to run" in text and "\n" not in text
            verdict(f"{name} in a pickle of protocol {protocol} is refused",
                    result.returncode != 0 and wanted and not os.path.exists(mark), text)


def unet(torch, channels, classes, width, depth):
    """The U-Net of Stormbench in PyTorch."""
    nn = torch.nn

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()

            def block(before, after):
                return nn.Sequential(
                    nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
                    nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU())

            widths = [width << level for level in range(depth + 1)]
            self.down = nn.ModuleList(block(b, a) for b, a in zip([channels] + widths, widths))
            self.reduce = nn.ModuleList(nn.Conv2d(2 * w, w, 1) for w in widths[:-1])
            self.up = nn.ModuleList(block(2 * w, w) for w in widths[:-1])
            self.classifier = nn.Conv2d(width, classes, 1)

        def forward(self, image):
            multiple = 1 << depth
            height, width = image.shape[2:]
            x = nn.functional.pad(image, (0, -width % multiple, 0, -height % multiple), mode="replicate")
            skips = []
            for level, block in enumerate(self.down):
                x = block(nn.functional.max_pool2d(x, 2) if level else x)
                skips.append(x)
            for level in reversed(range(depth)):
                raised = nn.functional.interpolate(
                    self.reduce[level](x), size=skips[level].shape[2:], mode="bilinear", align_corners=False)
                x = self.up[level](torch.cat([skips[level], raised], 1))
            return {"out": self.classifier(x)[:, :, :height, :width]}

    return UNet()


def randomise(torch, model, channels=3):
    """Statistics and parameters of batch norm as a training leaves them, and logits that span some units."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.8, 1.2)
            if name.endswith("bn3"):  # the ends of residual branches, whose sum would grow from block to block
                module.weight.data *= 0.2
            module.bias.data.normal_(0, 0.1)
            module.num_batches_tracked.fill_(7)
    last = [module for module in model.classifier.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight *= 4 / model(torch.rand(1, channels, 96, 96))["out"].std(dim=(0, 2, 3)).mean()


def run_onnx(onnxruntime, path, image):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


def check_networks(folder, torch, torchvision, safetensors, onnxruntime, onnx):
    import numpy as np

    makers = {"unet": lambda classes: unet(torch, 3, classes, 16, 3)}
    if torchvision:
        segmentation = torchvision.models.segmentation
        for name in ("deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "deeplabv3_resnet101"):
            makers[name] = lambda classes, make=getattr(segmentation, name): make(
                weights=None, weights_backbone=None, num_classes=classes, aux_loss=True)
    for name, make in makers.items():
        torch.manual_seed(3)
        model = make(5).eval()
        randomise(torch, model)
        files = {"zip": f"{folder}/{name}.pth", "the form before 1.6": f"{folder}/{name}-older.pth"}
        torch.save(model.state_dict(), files["zip"])
        torch.save(model.state_dict(), files["the form before 1.6"], _use_new_zipfile_serialization=False)
        if safetensors:
            files["safetensors"] = f"{folder}/{name}.safetensors"
            safetensors.save_file(model.state_dict(), files["safetensors"])
        expected = None
        for form, path in files.items():
            result = run("InteropCheck", "--network", name, "--checkpoint", path, "--classes", "5", "--output", folder)
            if result.returncode:
                verdict(f"{name} from {form}", False, result.stderr.strip())
                continue
            image, logits = np.load(f"{folder}/input.npy"), np.load(f"{folder}/logits.npy")
            if expected is None:
                with torch.no_grad():
                    expected = model(torch.from_numpy(image))["out"].numpy()
            difference(f"{name} from {form} answers as in PyTorch", logits, expected, 1e-4)
            os.remove(path)
        if onnx:
            onnx.checker.check_model(f"{folder}/model.onnx", full_check=True)
            verdict(f"{name}: ONNX's checker takes the export", True)
        if onnxruntime:
            difference(f"{name} answers in ONNX Runtime as here", run_onnx(onnxruntime, f"{folder}/model.onnx", image),
                       logits, 1e-4)
            small = image[:1, :, :90, :75]
            with torch.no_grad():
                expected = model(torch.from_numpy(small))["out"].numpy()
            difference(f"{name} answers in ONNX Runtime as in PyTorch at another size",
                       run_onnx(onnxruntime, f"{folder}/model.onnx", small), expected, 1e-4)
    if torchvision:
        path = f"{folder}/default.pth"
        torch.save(segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None).state_dict(), path)
        result = run("InteropCheck", "--network", "deeplabv3_mobilenet_v3_large", "--checkpoint", path,
                     "--channels", "1", "--output", folder)
        text = (result.stdout + result.stderr).strip()
        verdict("a file of 21 classes starts a training of 2", result.returncode == 0 and "21" in text, text)
        torch.save(torchvision.models.resnet50(weights=None).state_dict(), path)
        result = run("InteropCheck", "--network", "deeplabv3_resnet50", "--checkpoint", path, "--output", folder)
        text = (result.stdout + result.stderr).strip()
        verdict("a classifier gives its backbone", result.returncode == 0 and "backbone" in text, text)


def gradients(torch, make, state, image, target, precision, layout, threads):
    """PyTorch's gradients of the training step that InteropCheck does."""
    torch.set_num_threads(threads)
    model = make()
    model.load_state_dict(state)
    model = model.to(precision, memory_format=layout).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0
    scores = model(image.to(precision).contiguous(memory_format=layout))["out"]
    torch.nn.functional.cross_entropy(scores, target).backward()
    return {name: parameter.grad.double() for name, parameter in model.named_parameters()}


def check_gradients(folder, torch, torchvision, safetensors):
    """Every gradient of ours is as near to float64 as those of PyTorch in float32, in four ways of computing them.

    Batch norm shifts all channels far to one side of the bend of their ReLU. Otherwise rounding moves some values across
    it, and the gradients of float32 differ from those of float64 by percents that hide everything else.
    """
    import numpy as np

    layouts = (torch.contiguous_format, torch.channels_last)
    for network in ("deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "deeplabv3_resnet101"):
        def make(kind=getattr(torchvision.models.segmentation, network)):
            return kind(weights=None, weights_backbone=None, num_classes=2, aux_loss=False)

        torch.manual_seed(3)
        model = make()
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.data.uniform_(0.4, 0.6)
                module.bias.data.fill_(5)
                if ".bn1" in name or ".bn2" in name:  # inside the blocks of a ResNet some may be off
                    module.bias.data[torch.rand(len(module.bias)) < 0.3] = -5
        state = model.state_dict()
        torch.save(state, f"{folder}/{network}.pth")
        result = run("InteropCheck", "--network", network, "--checkpoint", f"{folder}/{network}.pth", "--gradients",
                     "--height", "96", "--width", "80", "--output", folder)
        if result.returncode:
            verdict(f"gradients of {network}", False, result.stderr.strip())
            continue
        batch = torch.from_numpy(np.load(f"{folder}/input.npy")), torch.from_numpy(np.load(f"{folder}/target.npy")).long()
        exact = gradients(torch, make, state, *batch, torch.float64, torch.contiguous_format, 2)
        norms = {name: float(value.norm()) for name, value in exact.items()}
        names = [name for name, norm in norms.items() if norm > 1e-6 * max(norms.values())]

        def errors(found):
            return np.array([float((found[name].double() - exact[name]).norm()) / norms[name] for name in names])

        theirs = np.max([errors(gradients(torch, make, state, *batch, torch.float32, layout, threads))
                         for layout in layouts for threads in (1, 2)], axis=0)
        own = errors(safetensors.load_file(f"{folder}/gradients.safetensors"))
        ratios = own / np.maximum(theirs, 1e-5)  # a bias of two classes may be right to the last digit by chance
        verdict(f"{network}: each of {len(names)} gradients is as near to float64 as PyTorch's",
                len(names) > 90 and np.median(theirs) < 5e-3 and ratios.max() < 2,
                f"{ratios.max():.2f} times its distance at most ({names[ratios.argmax()]}), {np.median(ratios):.2f} in the "
                f"median, asked: 2; its distance is {np.median(theirs):.1e} in the median")


def check_exports(folder, onnxruntime, core):
    import numpy as np

    nuclei = "scripts/data/nuclei_bbbc039"
    examples = {1: f"{nuclei}/images"}
    tissue = "../shared/data/hist_dsb2018_purple/images"
    if os.path.isdir(tissue):
        examples[3] = tissue
    models = [f"Models/{name}" for name in sorted(os.listdir("Models"))]
    network = "deeplabv3_mobilenet_v3_large"
    result = run("stormbench", "run", "train", "--images", f"{nuclei}/images", "--masks", f"{nuclei}/masks", "--only", "A02",
                 "--network", network, "--iterations", "2", "--model", f"{folder}/{network}")
    verdict(f"{network} is trained for two steps", result.returncode == 0, result.stderr.strip().split("\n")[-1])
    for model in models + [f"{folder}/{network}"]:
        if not os.path.exists(f"{model}/model.json"):
            continue
        output = f"{model if model.startswith(folder) else folder + '/' + model}/exported"
        result = run("stormbench", "run", "export", "--model", model, "--output", f"{output}/onnx")
        if result.returncode:
            verdict(f"export of {model}", False, result.stderr.strip())
            continue
        if onnxruntime:
            found = run_onnx(onnxruntime, f"{output}/onnx/model.onnx", np.load(f"{output}/onnx/test_input.npy"))
            difference(f"{os.path.basename(model)} answers in ONNX Runtime as here", found, np.load(f"{output}/onnx/test_output.npy"), 1e-4)
        if not core:
            continue
        channels = np.load(f"{output}/onnx/test_input.npy").shape[1]
        if channels not in examples:
            print(f"-- no image of {channels} channels for {model} as a bioimage.io model")
            continue
        image = os.path.join(examples[channels], sorted(os.listdir(examples[channels]))[0])
        result = run("stormbench", "run", "export", "--model", model, "--format", "bioimageio", "--image", image,
                     "--author", "Stormbench", "--licence", "CC0-1.0", "--output", f"{output}/bioimageio")
        if result.returncode:
            verdict(f"export of {model}", False, result.stderr.strip())
            continue
        from bioimageio.spec import InvalidDescr
        description = core.load_description(f"{output}/bioimageio/rdf.yaml")
        verdict(f"{os.path.basename(model)}: bioimage.io's validator takes the folder", not isinstance(description, InvalidDescr),
                description.validation_summary.format() if isinstance(description, InvalidDescr) else
                f"status {description.validation_summary.status}")
        summary = core.test_model(f"{output}/bioimageio/rdf.yaml", weight_format="onnx")
        verdict(f"{os.path.basename(model)}: bioimage.io's test of the ONNX weights passes", summary.status == "passed",
                f"status {summary.status}")
        if summary.status != "passed":
            print(summary.format())


torch, torchvision, onnxruntime, onnx = map(peer, ("torch", "torchvision", "onnxruntime", "onnx"))
safetensors = peer("safetensors.torch") if torch else None
core = peer("bioimageio.core") if onnxruntime else None
with tempfile.TemporaryDirectory() as folder:
    check_attacks(folder)
    if torch:
        torch.set_num_threads(2)
        if torchvision and safetensors:
            check_gradients(folder, torch, torchvision, safetensors)
        check_networks(folder, torch, torchvision, safetensors, onnxruntime, onnx)
    if onnxruntime:
        check_exports(folder, onnxruntime, core)
print(f"{failures} checks failed" if failures else "all checks passed")
sys.exit(failures > 0)
