"""A whole training step of the public recipe in PyTorch, one discriminator and one generator update."""
import contextlib
import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

import pytorch_recipe as recipe

RATE, FRAME = 24000, 1920


class Tokenizer(nn.Module):
    """The network of pytorch_peer.py as it is trained: two encoders, the quantizers, both decoders."""

    def __init__(self, network, size):
        super().__init__()
        latent, (semantic, acoustic) = size["latent"], size["codes"]
        self.semantic_encoder, self.acoustic_encoder = (network.encoder(size["width"], latent=latent) for _ in range(2))
        self.decoder = network.decoder(latent, size["decoder"])
        self.aux_decoder = network.decoder(latent, size["aux"], (8, 8, 5, 4))
        self.first = network.Codebook(semantic, latent)
        self.rest = nn.ModuleList(network.Codebook(acoustic, latent) for _ in range(7))

    def forward(self, audio, used):
        semantic, losses = self.quantize(self.first, self.semantic_encoder(audio), 1)
        residual, acoustic = self.acoustic_encoder(audio) - semantic, 0
        for i, codebook in enumerate(self.rest):
            counts = (used > i).float()[:, None, None]
            part, terms = self.quantize(codebook, residual, counts)
            residual, acoustic, losses = residual - part, acoustic + part * counts, losses + terms
        samples = audio.shape[-1]
        speech, aux = self.decoder(semantic + acoustic), self.aux_decoder(semantic)
        return F.pad(speech, (0, samples - speech.shape[-1])), F.pad(aux, (0, samples * 2 // 3 - aux.shape[-1])), losses

    @staticmethod
    def quantize(codebook, latent, counts):
        """Straight through; 0.25 commitment + 1 codebook loss."""
        projected = codebook.inward(latent)
        rows = F.normalize(projected.detach().float().transpose(1, 2), dim=-1)
        codes = (rows @ F.normalize(codebook.codes.detach(), dim=-1).T).argmax(-1)
        row = F.embedding(codes, codebook.codes).transpose(1, 2)
        commitment = ((projected - row.detach()).square() * counts).mean()
        loss = 0.25 * commitment + ((row - projected.detach()).square() * counts).mean()
        return codebook.outward(projected + (row - projected).detach()), loss


class Step:
    """`lean` leaves out what the public code computes and throws away: the discriminators' gradients in the generator's
    update, and a graph for the real side of feature matching."""

    def __init__(self, network, options):
        size = recipe.SIZES[options.model]
        self.device, self.lean = options.device, options.recipe == "lean"
        self.bf16 = "bf16" in options.mode
        self.tokenizer = recipe.weight_normed(Tokenizer(network, size)).to(self.device)
        self.discriminators = recipe.weight_normed(recipe.Discriminators(size)).to(self.device)
        self.teacher = recipe.Teacher(*recipe.TEACHERS[options.teacher]).to(self.device)
        self.mel = recipe.MelLoss(RATE).to(self.device)
        captured = {"capturable": True} if "graph" in options.mode else {}
        self.optimizers = [
            torch.optim.AdamW(module.parameters(), rate, betas=(0.8, 0.9), weight_decay=0.01, **captured)
            for module, rate in ((self.tokenizer, 2e-4), (self.discriminators, 1e-3))]
        samples = max(1, round(options.seconds * RATE / FRAME)) * FRAME
        self.audio = torch.randn(options.batch, 1, samples, device=self.device) * 0.1
        self.heard = torch.randn(options.batch, 1, samples * 2 // 3, device=self.device) * 0.1
        self.used = torch.full((options.batch,), 7, device=self.device)

    def autocast(self):
        return torch.autocast(self.device, dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def update(self, optimizer, module, loss):
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()

    def __call__(self):
        with self.autocast():
            speech, aux, quantizing = self.tokenizer(self.audio, self.used)
            generated, real = self.discriminators(speech.detach()), self.discriminators(self.audio)
            loss = recipe.score_distance(generated, 0) + recipe.score_distance(real, 1)
        self.update(self.optimizers[1], self.discriminators, loss.float())
        self.discriminators.requires_grad_(not self.lean)
        with self.autocast():
            generated = self.discriminators(speech)
            with torch.set_grad_enabled(not self.lean):
                real = self.discriminators(self.audio)
            feature = sum(F.l1_loss(a, b.detach()) for x, y in zip(generated, real) for a, b in zip(x[:-1], y[:-1]))
            adversarial = recipe.score_distance(generated, 1)
            with torch.no_grad():
                wanted = self.teacher(self.heard)
            distillation = F.mse_loss(self.teacher(aux), wanted)
        mel = self.mel(speech.float(), self.audio)
        total = adversarial + 2 * feature + 15 * mel + 500 * distillation + quantizing
        self.update(self.optimizers[0], self.tokenizer, total.float())
        self.discriminators.requires_grad_(True)
        return total


def prepared(step, options):
    """The step as a call in one of the modes."""
    if "compile" in options.mode:
        for part in ("tokenizer", "discriminators", "teacher"):
            setattr(step, part, torch.compile(getattr(step, part)))
    torch.backends.cuda.matmul.allow_tf32 = options.mode != "eager"
    if "graph" not in options.mode:
        return step
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def seconds_of(call, device):
    if device == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def serve(network, options):
    """A step for every line that arrives, its seconds as the answer; at the end the peak of memory in bytes."""
    if options.device == "cpu":
        torch.set_num_threads(options.threads)
        torch.backends.mkldnn.enabled = options.mkldnn
    torch.manual_seed(1)
    call = prepared(Step(network, options), options)
    call()
    say({"ready": f"PyTorch {torch.__version__}"})
    for _ in sys.stdin:
        say({"seconds": seconds_of(call, options.device)})
    peak = torch.cuda.max_memory_allocated() if options.device == "cuda" else resident_peak()
    say({"peakBytes": peak})


def resident_peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def say(message):
    print(json.dumps(message), flush=True)
