import assert from "node:assert/strict";
import type { Value } from "../../../lib/graph/graph.js";
import { melLoss } from "../../../lib/train/losses/index.js";
import { assertClose, Golden } from "../../golden.js";
import { evaluate, onEveryVariant } from "../../ops/support.js";

describe("the multi-scale mel loss", () => {
  onEveryVariant((device) => {
    afterEach(() => {
      delete process.env.LMSPT_FFT;
    });

    for (const fast of ["1", "0"]) {
      it(`and its gradient are those of the reference, LMSPT_FFT=${fast}`, async () => {
        process.env.LMSPT_FFT = fast;
        const golden = await Golden.load("losses");
        const [batch, , samples] = golden.shape("mel.x");
        const shape = [batch!, samples!];
        const inputs = {
          x: { data: golden.floats("mel.x"), shape },
          y: { data: golden.floats("mel.y"), shape },
        };
        const build = ({ x, y }: { x: Parameters<typeof melLoss>[0]; y: Parameters<typeof melLoss>[0] }) =>
          melLoss(x, y, 24000);
        const { y, gradients } = await evaluate(device(), inputs, build, Float32Array.of(1));
        assertClose(y, golden.floats("mel.loss"), 1e-4, "loss");
        assertClose(gradients.x, golden.floats("mel.gx"), 1e-3, "gradient");
      });
    }

    it("of a waveform and itself is zero, with a gradient that is a number, silence included", async () => {
      const data = new Float32Array(4000);
      for (let i = 1000; i < 3000; i++) data[i] = Math.sin(i * 0.1);
      const inputs = { x: { data, shape: [1, 4000] }, y: { data: data.slice(), shape: [1, 4000] } };
      const { y, gradients } = await evaluate(device(), inputs, ({ x, y }) => melLoss(x, y, 16000), Float32Array.of(1));
      assert.equal(y[0], 0);
      assert(gradients.x.every(Number.isFinite));
    });

    it("asks of what is quieter than the floor that it stays there, not how quiet it is", async () => {
      const data = Float32Array.from({ length: 4000 }, (_, i) => 1e-4 * Math.sin(i * 0.1));
      const inputs = { x: { data, shape: [1, 4000] }, y: { data: new Float32Array(4000), shape: [1, 4000] } };
      const lossWith = async (melFloor: number) => {
        const build = ({ x, y }: { x: Value; y: Value }) => melLoss(x, y, 16000, { melFloor });
        return (await evaluate(device(), inputs, build, Float32Array.of(1))).y[0]!;
      };
      assert((await lossWith(1e-5)) > 0.5);
      assert((await lossWith(1e-2)) < 0.01, "what is left is the distance of plain magnitudes");
    });
  });
});
