#!/usr/bin/env python3
"""What this GPU does at best, by PyTorch: a large copy, and large matrix products (cuBLAS) on random data.

Prints JSON: bytes or operations per second, under the names that lmspt-kernel-lab --limit takes.
"""
import json

import torch

SIZE, REPEATS = 8192, 20


def best_seconds(work):
    """The median of many runs, by events, with nothing left in the caches."""
    beyond_caches = torch.empty(1 << 28, dtype=torch.int8, device="cuda")
    times = []
    for repeat in range(REPEATS + 3):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        beyond_caches.zero_()
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return sorted(times[3:])[REPEATS // 2]


def product(dtype):
    a, b = (torch.randn(SIZE, SIZE, device="cuda", dtype=dtype) for _ in range(2))
    return 2 * SIZE**3 / best_seconds(lambda: a @ b)


def main():
    source = torch.randn(1 << 28, device="cuda")
    target = torch.empty_like(source)
    limits = {"copy": 2 * source.numel() * 4 / best_seconds(lambda: target.copy_(source))}
    del source, target
    torch.backends.cuda.matmul.allow_tf32 = False
    limits["fp32"] = product(torch.float32)
    torch.backends.cuda.matmul.allow_tf32 = True
    limits["tf32"] = product(torch.float32)
    limits["bf16"] = product(torch.bfloat16)
    limits["bf16x3"] = limits["bf16"] / 3
    print(json.dumps(limits))


if __name__ == "__main__":
    main()
