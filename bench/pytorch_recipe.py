"""The rest of LM-SPT's `released` recipe in PyTorch: what a training step needs besides the network of pytorch_peer.py.

Written for benchmarks alone: weights are random, the arithmetic is that of the public recipe.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import weight_norm

SIZES = {
    "released": {
        "width": 32, "latent": 1024, "decoder": 1536, "aux": 128, "codes": (16384, 4096),
        "periods": (2, 3, 5, 7, 11), "fft_sizes": (2048, 1024, 512),
        "period_channels": (32, 128, 512, 1024, 1024), "resolution_channels": 64,
    },
    "tiny": {
        "width": 4, "latent": 32, "decoder": 64, "aux": 32, "codes": (512, 256),
        "periods": (2, 3), "fft_sizes": (512,), "period_channels": (4, 8, 16, 16, 16), "resolution_channels": 8,
    },
}
# width, layers, mels
TEACHERS = {"mini": (64, 2, 80), "tiny": (384, 4, 80), "base": (512, 6, 80), "small": (768, 12, 80),
            "medium": (1024, 24, 80), "large-v3": (1280, 32, 128)}
BANDS = (0, 0.1, 0.25, 0.5, 0.75, 1)
MEL_SCALES = ((256, 40), (512, 80), (1024, 160), (2048, 320))


def weight_normed(module):
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)):
            weight_norm(layer)
    return module


class Period(nn.Module):
    def __init__(self, period, channels):
        super().__init__()
        self.period = period
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, (5, 1), (3 if i + 1 < len(channels) else 1, 1), (2, 0))
            for i, (before, after) in enumerate(zip((1, *channels), channels)))
        self.post = nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, audio):
        x = F.pad(audio, (0, self.period - audio.shape[-1] % self.period), mode="reflect")
        x = x.view(x.shape[0], 1, -1, self.period)
        maps = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            maps.append(x)
        return [*maps, self.post(x)]


class Resolution(nn.Module):
    def __init__(self, n_fft, channels):
        super().__init__()
        self.n_fft, bins = n_fft, n_fft // 2 + 1
        self.bands = [(int(a * bins), int(b * bins)) for a, b in zip(BANDS, BANDS[1:])]
        self.stacks = nn.ModuleList(nn.ModuleList(
            nn.Conv2d(2 if i == 0 else channels, channels, (3, kernel), (1, stride), (1, kernel // 2))
            for i, (kernel, stride) in enumerate(((9, 1), (9, 2), (9, 2), (9, 2), (3, 1)))) for _ in self.bands)
        self.post = nn.Conv2d(channels, 1, 3, padding=1)
        self.register_buffer("window", torch.hann_window(n_fft))

    def forward(self, audio):
        hop = self.n_fft // 4
        side = (self.n_fft - hop) // 2
        padded = F.pad(audio, (side, side + -audio.shape[-1] % hop), mode="reflect")
        spectrum = torch.stft(padded.squeeze(1).float(), self.n_fft, hop, window=self.window, center=False, return_complex=True)
        x = torch.view_as_real(spectrum).permute(0, 3, 2, 1)  # (B, 2, frames, bins)
        maps, ends = [], []
        for (first, end), stack in zip(self.bands, self.stacks):
            band = x[..., first:end]
            for conv in stack:
                band = F.leaky_relu(conv(band), 0.1)
                maps.append(band)
            ends.append(band)
        return [*maps, self.post(torch.cat(ends, -1))]


class Discriminators(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.parts = nn.ModuleList(
            [Period(period, size["period_channels"]) for period in size["periods"]] +
            [Resolution(n_fft, size["resolution_channels"]) for n_fft in size["fft_sizes"]])

    def forward(self, audio):
        centred = audio - audio.mean(-1, keepdim=True)
        heard = 0.8 * centred / (centred.abs().max(-1, keepdim=True)[0] + 1e-9)
        return [part(heard) for part in self.parts]


def mel_filters(rate, n_fft, mels):
    """Slaney's: linear up to 1 kHz, logarithmic above, unit area."""
    knee, step = 15.0, math.log(6.4) / 27
    hertz = torch.linspace(0, rate / 2, n_fft // 2 + 1)
    scale = torch.linspace(0, knee + math.log(rate / 2000) / step, mels + 2)
    edges = torch.where(scale < knee, scale * 200 / 3, 1000 * torch.exp((scale - knee) * step))
    left, centre, right = (edges[i:mels + i, None] for i in range(3))
    rise, fall = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
    return torch.minimum(rise, fall).clamp(min=0) * 2 / (right - left)


class MelLoss(nn.Module):
    def __init__(self, rate):
        super().__init__()
        for n_fft, mels in MEL_SCALES:
            self.register_buffer(f"window{n_fft}", torch.hann_window(n_fft))
            self.register_buffer(f"filters{n_fft}", mel_filters(rate, n_fft, mels))

    def magnitudes(self, audio, n_fft):
        spectrum = torch.stft(audio.squeeze(1).float(), n_fft, n_fft // 4, window=getattr(self, f"window{n_fft}"),
                              return_complex=True)
        return getattr(self, f"filters{n_fft}") @ spectrum.abs()

    def forward(self, generated, real):
        total = 0
        for n_fft, _ in MEL_SCALES:
            a, b = self.magnitudes(generated, n_fft), self.magnitudes(real, n_fft)
            decades = [value.clamp(1e-5).pow(2).log10() for value in (a, b)]
            total = total + F.l1_loss(*decades) + F.l1_loss(a, b)
        return total


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = width // 64
        self.q, self.v, self.out = (nn.Linear(width, width) for _ in range(3))
        self.k = nn.Linear(width, width, bias=False)

    def forward(self, x):
        q, k, v = (part(x).unflatten(-1, (self.heads, 64)).transpose(1, 2) for part in (self.q, self.k, self.v))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = ((q * 0.125) @ k.transpose(-1, -2)).softmax(-1) @ v
        return self.out(y.transpose(1, 2).flatten(2))


class TeacherLayer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class Teacher(nn.Module):
    """Whisper's encoder, frozen; it hears 30 s."""

    def __init__(self, width, layers, mels):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(mels, width, 3, padding=1), nn.Conv1d(width, width, 3, 2, 1)
        self.register_buffer("positions", torch.randn(1500, width) * 0.1)
        self.layers = nn.Sequential(*(TeacherLayer(width) for _ in range(layers)), nn.LayerNorm(width))
        self.register_buffer("window", torch.hann_window(400))
        self.register_buffer("filters", mel_filters(16000, 400, mels))
        self.requires_grad_(False)

    def forward(self, audio):
        whole = F.pad(audio.squeeze(1).float(), (0, 480000 - audio.shape[-1]))
        power = torch.stft(whole, 400, 160, window=self.window, return_complex=True)[..., :-1].abs().square()
        decades = (self.filters @ power).clamp(1e-10).log10()
        mel = (torch.maximum(decades, decades.max() - 8) + 4) / 4
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel))))
        return self.layers(x.transpose(1, 2) + self.positions)


def score_distance(maps, value):
    return sum((judged[-1] - value).square().mean() for judged in maps)
