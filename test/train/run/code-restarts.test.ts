import assert from "node:assert/strict";
import { Device } from "../../../lib/graph/device.js";
import { fillRandomly } from "../../../lib/models/initial.js";
import { LmSpt } from "../../../lib/models/lmspt.js";
import { TINY_CONFIG } from "../../../lib/models/presets.js";
import { CodeRestarts } from "../../../lib/train/run/code-restarts.js";

describe("the restart of codes", () => {
  const device = Device.open("cpu");
  after(() => device.close());

  async function quantizer() {
    const model = new LmSpt(TINY_CONFIG);
    await fillRandomly(model.parameters, 1, { trainable: true });
    return model.quantizer.acoustic;
  }

  it("gives idle codes, and no others, latents of the batch, each latent to one code", async () => {
    const acoustic = await quantizer();
    const [count, frames] = [acoustic.codebooks.length, 5];
    const [size, dimension] = acoustic.codebooks[0]!.shape as [number, number];
    const restarts = new CodeRestarts(acoustic, { every: 2, seed: 1 });
    const read = () => acoustic.codebooks.map(({ variable }) => Float32Array.from(variable.read() as Float32Array));
    const row = (rows: Float32Array, i: number) => [...rows.subarray(i * dimension, (i + 1) * dimension)].join();
    const codesFrom = (first: number) =>
      Int32Array.from({ length: frames * count }, (_, i) => first + Math.floor(i / count));
    const latents = Float32Array.from({ length: frames * count * dimension }, (_, i) => i + 1);
    const before = read();
    await restarts.after(1, codesFrom(0), latents, device);
    assert.equal(restarts.report(), 0, "it is not time yet");
    assert.deepEqual(read(), before);
    await restarts.after(2, codesFrom(3), latents, device);
    assert.equal(restarts.report(), frames * count);
    assert.equal(restarts.report(), 0, "what was told is not told again");
    for (const [k, rows] of read().entries()) {
      const changed = Array.from({ length: size }, (_, i) => i).filter((i) => row(rows, i) !== row(before[k]!, i));
      assert.deepEqual(changed, [8, 9, 10, 11, 12], "codes 0 to 7 came up");
      const own = Array.from({ length: frames }, (_, frame) => row(latents, frame * count + k));
      assert.deepEqual(changed.map((i) => row(rows, i)).sort(), own.sort());
    }
  });

  it("counts from the last time on", async () => {
    const acoustic = await quantizer();
    const restarts = new CodeRestarts(acoustic, { every: 1, seed: 1 });
    const [
      {
        shape: [size],
      },
      count,
    ] = [acoustic.codebooks[0]!, acoustic.codebooks.length] as const;
    const every = Int32Array.from({ length: size! * count }, (_, i) => Math.floor(i / count));
    const latents = new Float32Array(acoustic.codebooks[0]!.shape[1]! * count).fill(1);
    await restarts.after(1, every, new Float32Array(size! * latents.length), device);
    assert.equal(restarts.report(), 0, "all came up");
    await restarts.after(2, new Int32Array(count), latents, device);
    assert.equal(restarts.report(), count, "one latent of each");
  });

  it("is left out where there is no time for it", async () => {
    const acoustic = await quantizer();
    const restarts = new CodeRestarts(acoustic, { every: 0, seed: 1 });
    assert.equal(restarts.named("acoustic").length, 0);
    await restarts.after(1, new Int32Array(7), new Float32Array(7 * 8), device);
    assert.equal(restarts.report(), 0);
  });
});
