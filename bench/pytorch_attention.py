#!/usr/bin/env python3
"""Attention by PyTorch on this GPU, in the shapes of lmspt-kernel-lab: bf16, heads of 64, every fused backend.

Prints a line for each: microseconds of the forward pass, and of the gradient alone.
"""
import torch
import torch.nn.functional as functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from pytorch_limits import best_seconds

SHAPES = {  # batch, tokens, heads, causal
    "Whisper, 1500 x 64 x 20 heads": (8, 1500, 20, False),
    "language model, 1024 x 64 x 14 heads, causal": (8, 1024, 14, True),
    "language model, 2048 x 64 x 14 heads, causal": (8, 2048, 14, True),
    "language model, 4096 x 64 x 14 heads, causal": (4, 4096, 14, True),
    "language model, 8192 x 64 x 14 heads, causal": (2, 8192, 14, True),
}
BACKENDS = SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION


def times(batch, tokens, heads, causal):
    """Seconds forward and backward. Heads have keys of their own, which is no more work than sharing them."""
    shape = batch, heads, tokens, 64
    q, k, v, gy = (torch.randn(shape, device="cuda", dtype=torch.bfloat16) for _ in range(4))
    inputs = [x.requires_grad_() for x in (q, k, v)]
    forward = lambda: functional.scaled_dot_product_attention(*inputs, is_causal=causal)
    y = forward()
    return best_seconds(forward), best_seconds(lambda: torch.autograd.grad(y, inputs, gy, retain_graph=True))


def main():
    for name, shape in SHAPES.items():
        for backend in BACKENDS:
            try:
                with sdpa_kernel(backend):
                    forward, backward = times(*shape)
                print(f"{name}, {backend.name}: {forward * 1e6:.0f} us, gradient {backward * 1e6:.0f} us", flush=True)
            except RuntimeError as error:
                print(f"{name}, {backend.name}: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main()
