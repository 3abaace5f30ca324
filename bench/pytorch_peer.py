#!/usr/bin/env python3
"""The peer of the benchmarks: LM-SPT's `released` network in PyTorch, as its users run it and at its best.

Modes: eager float32 (PyTorch's defaults, which let convolutions use TF32), TF32 everywhere, bf16 autocast,
torch.compile with bf16 autocast, and the same as a CUDA graph. Weights are random: the arithmetic is the same. Times are
whole calls on inputs that lie on the GPU, medians of interleaved rounds on noise.

With --train it makes training steps instead (pytorch_training.py), on the GPU or the CPU, one for every line on its
standard input, so that a benchmark can let it and others take turns.
"""
import argparse
import json
import statistics
import sys

import torch
from torch import nn
from torch.nn import functional as F

RATE, FRAME = 24000, 1920


class Snake(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.rand(1, channels, 1) + 0.5)

    def forward(self, x):
        return x + (self.alpha + 1e-9).reciprocal() * torch.sin(self.alpha * x).pow(2)


class ResidualUnit(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.block = nn.Sequential(
            Snake(channels), nn.Conv1d(channels, channels, 7, dilation=dilation, padding=3 * dilation),
            Snake(channels), nn.Conv1d(channels, channels, 1))

    def forward(self, x):
        return x + self.block(x)


def encoder(width=32, rates=(4, 5, 6, 8, 2), latent=1024):
    layers = [nn.Conv1d(1, width, 7, padding=3)]
    for rate in rates:
        layers += [ResidualUnit(width, dilation) for dilation in (1, 3, 9)]
        layers += [Snake(width), nn.Conv1d(width, 2 * width, 2 * rate, rate, padding=(rate + 1) // 2)]
        width *= 2
    return nn.Sequential(*layers, Snake(width), nn.Conv1d(width, latent, 3, padding=1))


def decoder(latent=1024, width=1536, rates=(2, 8, 6, 5, 4)):
    layers = [nn.Conv1d(latent, width, 7, padding=3)]
    for rate in rates:
        layers += [Snake(width), nn.ConvTranspose1d(width, width // 2, 2 * rate, rate, padding=(rate + 1) // 2)]
        width //= 2
        layers += [ResidualUnit(width, dilation) for dilation in (1, 3, 9)]
    return nn.Sequential(*layers, Snake(width), nn.Conv1d(width, 1, 7, padding=3), nn.Tanh())


class Codebook(nn.Module):
    def __init__(self, size, latent=1024, dimension=8):
        super().__init__()
        self.inward = nn.Conv1d(latent, dimension, 1)
        self.outward = nn.Conv1d(dimension, latent, 1)
        self.codes = nn.Parameter(torch.randn(size, dimension))

    def lookup(self, codes):
        return self.outward(F.embedding(codes, self.codes).transpose(1, 2).to(self.outward.weight.dtype))

    def forward(self, z):
        with torch.autocast(z.device.type, enabled=False):
            rows = F.normalize(self.inward(z.float()).transpose(1, 2), dim=-1)
            return (rows @ F.normalize(self.codes, dim=-1).T).argmax(-1)


class Peer(nn.Module):
    def __init__(self):
        super().__init__()
        self.semantic_encoder, self.acoustic_encoder, self.decoder = encoder(), encoder(), decoder()
        self.codebooks = nn.ModuleList([Codebook(16384)] + [Codebook(4096) for _ in range(7)])

    def encode(self, audio):
        first, *rest = self.codebooks
        codes = [first(self.semantic_encoder(audio))]
        residual = self.acoustic_encoder(audio) - first.lookup(codes[0])
        for codebook in rest:
            codes.append(codebook(residual))
            residual = residual - codebook.lookup(codes[-1])
        return torch.stack(codes)

    def decode(self, codes):
        return self.decoder(sum(codebook.lookup(row) for codebook, row in zip(self.codebooks, codes)))


def captured(call, example):
    """The call as a CUDA graph."""
    given = example.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call(given)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call(given)

    def replay(x):
        given.copy_(x)
        graph.replay()
        return result

    return replay


def modes(function, example, compiled):
    """Name -> (settings for TF32 in matrix products, call)."""

    def bf16(call):
        def run(x):
            with torch.autocast("cuda", dtype=torch.bfloat16):
                return call(x)

        return run

    yield "eager float32", False, function
    yield "tf32", True, function
    yield "bf16 autocast", True, bf16(function)
    yield "bf16 autocast, CUDA graph", True, captured(bf16(function), example)
    if compiled:
        fast = bf16(torch.compile(function))
        fast(example)
        yield "compiled bf16", True, fast
        yield "compiled bf16, CUDA graph", True, captured(fast, example)


def milliseconds(call, example):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    call(example)
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


def measure(model, batch, seconds, repeats, compiled):
    frames = max(1, round(seconds * RATE / FRAME))
    audio = torch.randn(batch, 1, frames * FRAME, device="cuda") * 0.1
    codes = torch.stack([torch.randint(0, book.codes.shape[0], (batch, frames), device="cuda") for book in model.codebooks])
    result = {}
    for direction, function, example in (("encode", model.encode, audio), ("decode", model.decode, codes)):
        calls = list(modes(function, example, compiled))
        times = {name: [] for name, _, _ in calls}
        for _ in range(repeats + 3):
            for name, tf32, call in calls:
                torch.backends.cuda.matmul.allow_tf32 = tf32
                times[name].append(milliseconds(call, example))
        for name, taken in times.items():
            taken = taken[3:]
            result[f"{direction} {batch} x {seconds} s, {name}"] = {
                "median_ms": statistics.median(taken), "least_ms": min(taken), "most_ms": max(taken)}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--compile", action="store_true", help="torch.compile too, which takes minutes")
    train = parser.add_argument_group("training")
    train.add_argument("--train", action="store_true")
    train.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    train.add_argument("--mode", default="eager", help="eager, tf32, bf16, compile-bf16, graph-bf16, compile-graph-bf16")
    train.add_argument("--recipe", choices=("public", "lean"), default="public")
    train.add_argument("--model", choices=("released", "tiny"), default="released")
    train.add_argument("--teacher", default="base", help="size of the Whisper encoder")
    train.add_argument("--batch", type=int, default=1)
    train.add_argument("--seconds", type=float, default=1)
    train.add_argument("--threads", type=int, default=1)
    train.add_argument("--no-mkldnn", dest="mkldnn", action="store_false")
    options = parser.parse_args()
    if options.train:
        import pytorch_training

        pytorch_training.serve(sys.modules[__name__], options)
        return
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no GPU")
    torch.manual_seed(1)
    torch.set_grad_enabled(False)
    model = Peer().cuda().eval()
    result = {"torch": torch.__version__, "gpu": torch.cuda.get_device_name()}
    for batch, seconds in ((1, 1), (1, 10), (32, 10)):
        result.update(measure(model, batch, seconds, options.repeats, options.compile))
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(name, value)


if __name__ == "__main__":
    main()
