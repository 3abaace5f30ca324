/** Items of different lengths in one convolution: on CUDA, too, each has the bits of it alone. */
import assert from "node:assert/strict";
import { afterConvolution, checkItems, itemsCases } from "../ops/items.js";
import { isEmulated, launchesOf, openCuda, TILES, withEnvironment, withSettings } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";

describe("items of different lengths on CUDA", function () {
  this.timeout(600_000);

  for (const precision of PRECISIONS) {
    for (const one of itemsCases) {
      it(`${precision}: ${one.name}`, () => withSettings({}, (device) => checkItems(device, one, precision)));
    }
  }

  const wide = itemsCases.filter(({ channels }) => channels >= 128);

  for (const tile of TILES) {
    it(`have the bits of each alone in ${tile} tiles`, () =>
      withSettings({ LMSPT_CUDA_TILE: tile }, async (device) => {
        for (const one of itemsCases) await checkItems(device, one, "bf16");
      }));
  }

  const inRows = itemsCases.filter(
    ({ name, channels }) => channels >= 32 && channels % 8 === 0 && !name.includes("one output"),
  );

  for (const one of inRows) {
    it(`have the bits of each alone where tiles at their ends clear what lies beyond: ${one.name}`, () =>
      withEnvironment({ LMSPT_CUDA_GAPS: "0" }, async () => {
        await using device = openCuda();
        const passes = isEmulated ? launchesOf("sm90_ragged_kernel") : 0;
        await checkItems(device, afterConvolution(one), "bf16");
        if (isEmulated) assert.equal(launchesOf("sm90_ragged_kernel"), passes);
      }));
  }

  for (const precision of PRECISIONS) {
    it(`${precision}: have the bits of each alone without the engine of compute capability 9.0`, () =>
      withSettings({ LMSPT_CUDA_WGMMA: "0" }, async (device) => {
        for (const one of wide) await checkItems(device, one, precision);
      }));
  }
});
