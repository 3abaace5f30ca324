import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameQueue } from "../../lib/io/frame-queue.js";

describe("a queue of frames", () => {
  it("gives what has arrived, completed by zeros, whatever is dropped meanwhile", () => {
    const steps = fc.array(fc.record({ append: fc.nat(30), drop: fc.nat(5), length: fc.nat(12) }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), steps, (perFrame, steps) => {
        const queue = new FrameQueue<Int32Array>(perFrame, new Int32Array());
        const all: number[] = [];
        let dropped = 0;
        for (const { append, drop, length } of steps) {
          const values = Int32Array.from({ length: append }, (_, i) => all.length + i + 1);
          queue.append(values);
          values.fill(-1);
          for (let i = 0; i < append; i++) all.push(all.length + 1);
          assert.equal(queue.arrived, all.length);
          dropped = Math.min(dropped + drop, Math.floor(all.length / perFrame));
          queue.dropBefore(dropped);
          const begin = dropped * perFrame;
          const expected = Array.from({ length: length * perFrame }, (_, i) => all[begin + i] ?? 0);
          assert.deepEqual([...queue.read(dropped, length)], expected);
        }
      }),
    );
  });
});
