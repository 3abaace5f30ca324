import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import type { Tokens } from "../../lib/data/tokens.js";
import { type ErrorCode, LmsptError } from "../../lib/errors.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { randomFloats } from "../golden.js";
import { NARROW_FIELDS, randomModel, saveModel, useFolder } from "./small-models.js";

const HOP = 1920;

/** Checks that a call is refused with this code and a message that begins like this. */
function refused(call: Promise<unknown>, code: ErrorCode, beginning: string): Promise<void> {
  return assert.rejects(call, (error) => {
    assert(error instanceof LmsptError, String(error));
    assert.equal(error.code, code);
    assert(error.message.startsWith(beginning), error.message);
    return true;
  });
}

describe("the tokenizer refuses", () => {
  const path = useFolder();
  let narrow: Tokenizer;
  let tokens: Tokens;
  before(async () => {
    await mkdir(path("narrow"));
    await saveModel(await randomModel(NARROW_FIELDS), path("narrow"));
    narrow = await Tokenizer.load(path("narrow"), { device: "cpu" });
    tokens = await narrow.encode(randomFloats(10 * HOP - 100, 1));
  });
  after(() => narrow.close());

  const invalid = (call: Promise<unknown>, beginning: string) => refused(call, "ERR_LMSPT_INVALID_ARGUMENT", beginning);

  it("samples that are not finite", async () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const samples = new Float32Array(3000);
      samples[2999] = bad;
      const message = `Expected finite samples for audio but received "${bad} at sample 2999"`;
      await invalid(narrow.encode(samples), message);
      await invalid(narrow.encode({ samples, sampleRate: 16000 }), message);
      await invalid(narrow.encode([new Float32Array(10), samples]), message);
    }
  });

  it("what is not audio", async () => {
    const bad = [undefined, null, 5, {}, { samples: [0, 1], sampleRate: 24000 }, new Float64Array(5), [3]];
    for (const input of bad) await invalid(narrow.encode(input as never), "Expected a path, a Float32Array or");
    for (const sampleRate of [undefined, 0, 22050.5, "24000"]) {
      const audio = { samples: new Float32Array(5), sampleRate };
      await invalid(narrow.encode(audio as never), "Expected a positive integer for a sample rate");
    }
    await refused(narrow.encode(path("missing.wav")), "ERR_LMSPT_IO", "Cannot");
  });

  it("modes and numbers of codebooks that it does not have", async () => {
    for (const mode of ["FULL", "", 1, null, "__proto__"]) {
      await invalid(narrow.decode(tokens, { mode: mode as never }), 'Expected "full", "semantic", "acoustic" or "aux"');
    }
    for (const codebooks of [0, -1, 3, 1.5, Number.NaN, "1", null]) {
      await invalid(
        narrow.decode(tokens, { codebooks: codebooks as never }),
        "Expected an integer from 1 to 2 for codebooks",
      );
    }
    for (const mode of ["semantic", "acoustic", "aux"] as const) {
      await invalid(narrow.decode(tokens, { mode, codebooks: 1 }), "Expected no value beside a mode other than");
    }
  });

  it("options and names that it does not know", async () => {
    const attempt = (options: object) => Tokenizer.load("random:1:tiny", options);
    for (const precision of ["fp64", "FP32", 32])
      await invalid(attempt({ precision }), 'Expected "fp32", "bf16x3", "tf32" or "bf16" for precision');
    for (const device of ["gpu", "cuda:", "cuda:-1", "CPU", 0]) {
      await invalid(attempt({ device }), 'Expected "auto", "cpu", "cuda" or "cuda:N" for device');
    }
    for (const threads of [0, -1, 1.5, 1025, "2"]) {
      await invalid(attempt({ device: "cpu", threads }), "Expected an integer from 1 to 1024 for threads");
    }
    const names = [
      "random:",
      "random:x",
      "random:-1",
      "random:1.5",
      "random:1:none",
      "random:4294967296",
      "random:1:__proto__",
    ];
    for (const name of names) {
      await invalid(Tokenizer.load(name, { device: "cpu" }), 'Expected "random:SEED" or "random:SEED:PRESET"');
    }
    for (const name of [null, 5, {}]) {
      await invalid(Tokenizer.load(name as never, { device: "cpu" }), "Expected a folder, a preset or hf://");
    }
    await refused(Tokenizer.load(path("nowhere"), { device: "cpu" }), "ERR_LMSPT_MODEL", "No model");
  });

  it("options of a wrong type", async () => {
    const signal = "Expected an AbortSignal for signal but received 5";
    const progress = 'Expected a function for onProgress but received "x"';
    const object = "Expected an object for the options but received null";
    const works = [
      (options: unknown) => narrow.encode(new Float32Array(10), options as never),
      (options: unknown) => narrow.encode([], options as never),
      (options: unknown) => narrow.decode(tokens, options as never),
      (options: unknown) => Tokenizer.load("random:1:tiny", options as never),
    ];
    for (const work of works) {
      await invalid(work({ signal: 5 }), signal);
      await invalid(work({ onProgress: "x" }), progress);
      await invalid(work(null), object);
      await invalid(work({ signal: null }), "Expected an AbortSignal for signal but received null");
    }
    await invalid(Tokenizer.load("a\0b"), "Expected a folder, a preset or hf://");
    await invalid(narrow.encode("a\0b.wav"), "Expected a path");
  });

  it("tokens of another model", async () => {
    const other = { ...tokens, model: "sha256:other" };
    await refused(narrow.decode(other), "ERR_LMSPT_MODEL", `Expected tokens of the model ${narrow.info.model}`);
    await refused(narrow.decode([tokens, other]), "ERR_LMSPT_MODEL", "Expected tokens of the model");
  });

  it("tokens that are not what their model makes", async () => {
    const [first] = tokens.acoustic;
    await invalid(
      narrow.decode({ ...tokens, acoustic: [] }),
      "Expected 1, as their model has it, for the tokens' acousticCodebooks",
    );
    await invalid(narrow.decode({ ...tokens, acoustic: [first!, first!] }), "Expected 1, as their model has it,");
    await invalid(narrow.decode({ ...tokens, semanticCodebookSize: 65 }), "Expected 64, as their model has it,");
    await invalid(
      narrow.decode({ ...tokens, sampleRate: 48000, frameRate: 25 }),
      "Expected 24000, as their model has it,",
    );
  });

  it("damaged tokens", async () => {
    for (const code of [-1, 64]) {
      const semantic = [tokens.semantic[0]!.slice()];
      semantic[0]![7] = code;
      await invalid(narrow.decode({ ...tokens, semantic }), "Expected a code from 0 to 63 for tokens.semantic[0][7]");
    }
    await invalid(narrow.decode({ ...tokens, samples: tokens.samples + HOP }), "Expected 11, the frames");
    await invalid(narrow.decode({ ...tokens, semantic: [[1, 2]] } as never), "Expected ");
    for (const value of [undefined, null, 5, {}]) await invalid(narrow.decode(value as never), "Expected ");
  });
});
