import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { useFolder } from "../models/small-models.js";
import { loadSmall } from "../models/stream-models.js";

describe("memory", () => {
  const path = useFolder();

  // A process of its own, because others' garbage would be seen. The goal, 2 % over 10 000 encodes, is the benchmark's;
  // here a plan kept for every encode would take far more than what is allowed.
  it("does not grow over many encodes and decodes of random lengths", async function () {
    this.timeout(60_000);
    await (await loadSmall(path("model"), {})).close();
    const run = { model: path("model"), warmUp: 300, encodes: 300, longestSeconds: 0.3 };
    const script = `require(${JSON.stringify(require.resolve("../../bench/memory.js"))})
      .measureMemoryGrowth(${JSON.stringify(run)}).then((growth) => console.log(JSON.stringify(growth)));`;
    const { early, late } = JSON.parse(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
    assert(early > 30e6 && late < early + 15e6, `${early / 1e6} MB, then ${late / 1e6} MB`);
  });
});
