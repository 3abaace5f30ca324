/** Models as plan files, run by the C API without Node. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportPlanFiles } from "../../lib/export/plan-files.js";
import { Device } from "../../lib/graph/device.js";
import { packageRoot } from "../../lib/graph/native.js";
import { ModelEngine } from "../../lib/models/engine.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { randomModel, SMALL_FIELDS } from "../models/small-models.js";

const FRAMES = 13;
const runner = join(packageRoot(), "build", "Release", "lmspt-native");

describe("exported plan files", () => {
  let model: LmSpt;
  let device: Device;
  let engine: ModelEngine;
  let folder: string;
  before(async () => {
    model = await randomModel(SMALL_FIELDS);
    device = Device.open("cpu");
    engine = new ModelEngine(model, device);
    folder = mkdtempSync(join(tmpdir(), "lmspt-plan-files-"));
    for (const { name, bytes } of exportPlanFiles(model, { frames: FRAMES })) writeFileSync(join(folder, name), bytes);
  });
  after(async () => {
    engine.close();
    await device.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a file on zeros, as the native program does without samples; the bytes of its one output. */
  function runFile(direction: string, output: string, where = folder): Buffer {
    const target = join(where, direction);
    const { status, stderr } = spawnSync(runner, ["run", `${target}.plan`, target], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return readFileSync(`${target}.${output}`);
  }

  it("encode as the engine does", async () => {
    const codebooks = await engine.encode(new Float32Array(FRAMES * engine.samplesPerFrame), {});
    const expected = Array.from({ length: FRAMES }, (_, frame) => codebooks.map((codes) => codes[frame]!)).flat();
    const bytes = runFile("encode", "codes");
    assert.deepEqual([...new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)], expected);
  });

  for (const [direction, selection] of [
    ["decode", { decoder: "main", semantic: 1, acoustic: 7 }],
    ["aux_decode", { decoder: "aux", semantic: 1, acoustic: 0 }],
  ] as const) {
    it(`${direction} as the engine does`, async () => {
      const codes = Array.from({ length: 8 }, () => new Int32Array(FRAMES));
      const bytes = runFile(direction, "audio");
      const speech = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      const decoder = selection.decoder === "main" ? model.decoder : model.auxDecoder;
      assert(speech.length > (FRAMES - 1) * decoder.samplesPerFrame, `${speech.length} samples`);
      assert(speech.some((sample) => Math.abs(sample) > 0.01));
      assert.deepEqual(await engine.decode(codes, speech.length, selection, {}), speech);
    });
  }

  it("keep a precision", async () => {
    const reduced = new ModelEngine(model, device, "bf16");
    const where = mkdtempSync(join(folder, "bf16-"));
    for (const { name, bytes } of exportPlanFiles(model, { frames: FRAMES, precision: "bf16" }))
      writeFileSync(join(where, name), bytes);
    const bytes = runFile("decode", "audio", where);
    const speech = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const codes = Array.from({ length: 8 }, () => new Int32Array(FRAMES));
    const selection = { decoder: "main", semantic: 1, acoustic: 7 } as const;
    assert.deepEqual(await reduced.decode(codes, speech.length, selection, {}), speech);
    assert.notDeepEqual(await engine.decode(codes, speech.length, selection, {}), speech);
    await reduced.close();
  });

  it("are not made after an abort", () => {
    const signal = AbortSignal.abort(new Error("enough"));
    assert.throws(() => [...exportPlanFiles(model, { frames: 1, signal })], /^Error: enough$/);
  });
});
