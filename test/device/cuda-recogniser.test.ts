/** A recogniser on CUDA: its training (attention, cross-entropy, alignment, the optimizer) and what it hears. */
import assert from "node:assert/strict";
import { Recogniser } from "../../lib/models/whisper/index.js";
import { temporaryFolder } from "../cli/support.js";
import { assertClose } from "../golden.js";
import { collect, ofKind, say, small, writeCorpus } from "../train/asr/support.js";
import { testedLibrary } from "./cuda-device.js";

describe("a recogniser on CUDA", function () {
  this.timeout(600_000);
  const inside = temporaryFolder();
  let before: string | undefined;

  beforeEach(() => {
    before = process.env.LMSPT_CUDA_LIBRARY;
    process.env.LMSPT_CUDA_LIBRARY = testedLibrary;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.LMSPT_CUDA_LIBRARY;
    else process.env.LMSPT_CUDA_LIBRARY = before;
  });

  it("learns as on the CPU, and hears the same", async () => {
    const corpus = await writeCorpus(inside("corpus"), ["one", "two one"]);
    const train = async (device: string) => {
      const settings = [`data=${corpus}`, `data.valid=${corpus}`, `out=${inside(device)}`, `device=${device}`];
      const pace = ["steps=3", "optimizer.warmup_steps=1", "validation.every=3", "checkpoint.every=3"];
      const events = await collect("asr-tiny", [...small, "data.batch=2", ...settings, ...pace]);
      const losses = ofKind(events, "step").map(({ losses, norm }) => [losses.text!, losses.alignment!, norm]);
      return { losses: losses.flat(), folder: ofKind(events, "checkpoint").at(-1)!.path };
    };
    const [cpu, cuda] = [await train("cpu"), await train("cuda")];
    assertClose(cuda.losses, cpu.losses, 1e-3, "losses and norms");

    const sound = { samples: say("two one"), sampleRate: 16000 };
    const heard: unknown[] = [];
    for (const device of ["cpu", "cuda"] as const) {
      await using recogniser = await Recogniser.load(cuda.folder, { device });
      const { text, tokens } = await recogniser.transcribe(sound, { beams: 2 });
      heard.push({ text, tokens });
    }
    assert.deepEqual(heard[1], heard[0]);
  });
});
