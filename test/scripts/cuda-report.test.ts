import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../../lib/graph/native.js";

/** What ptxas prints with -v for two kernels. */
const printed = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z3oneif' for 'sm_90a'
ptxas info    : Function properties for _Z3oneif
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 24 registers, used 1 barriers, 4096 bytes smem, 400 bytes cmem[0]
ptxas info    : Compiling entry function '_Z3twov' for 'sm_90a'
ptxas info    : Function properties for _Z3twov
    16 bytes stack frame, 12 bytes spill stores, 20 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers, 16 bytes cumulative stack size
`;

describe("scripts/cuda-report", () => {
  it("reads what ptxas tells of each kernel", async () => {
    const { readUsage } = await import(pathToFileURL(join(packageRoot(), "scripts", "cuda-report.mjs")).href);
    const rest = { source: "a_cuda.cu", target: "90a" };
    assert.deepEqual(readUsage(printed, "a_cuda.cu", "90a"), [
      { kernel: "_Z3oneif", registers: 24, shared: 4096, stack: 0, spilled: 0, ...rest },
      { kernel: "_Z3twov", registers: 255, shared: 0, stack: 16, spilled: 32, ...rest },
    ]);
  });
});
