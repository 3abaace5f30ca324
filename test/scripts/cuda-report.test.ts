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

/** PTX of two kernels. */
const ptx = `.version 9.0
.target sm_90a

.visible .entry _Z3onePf(
\t.param .u64 _Z3onePf_param_0
)
{
\t.reg .pred \t%p<2>;
\tld.param.u64 \t%rd1, [_Z3onePf_param_0];
\tld.global.nc.v4.f32 \t{%f1, %f2, %f3, %f4}, [%rd1];
\t// begin inline asm
\t{
.reg .pred more;
setp.ne.b32 more, %r1, 0;
wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%f1, %f2}, %rd1, %rd2, more, 1, 1, 0, 0;
}
\t// end inline asm
$L__BB0_1:
\t@!%p1 bra \t$L__BB0_1;
\tex2.approx.ftz.f32 \t%f5, %f1;
\t@%p1 st.global.f32 \t[%rd1], %f5;
\tret;
}
\t// .globl\t_Z3twov
.entry _Z3twov()
{
\tst.shared.v2.b64 \t[%r1], {%rd1, %rd2};
\tret;
}
`;

/** The head, names and section headers of an ELF file, as cubins are. */
function elf(sections: Readonly<Record<string, number>>): Buffer {
  const names = Buffer.from(`${["", ...Object.keys(sections), ".shstrtab"].join("\0")}\0`, "latin1");
  const headers = [["", 0], ...Object.entries(sections), [".shstrtab", names.length]] as const;
  const file = Buffer.alloc(64 + names.length + 64 * headers.length);
  names.copy(file, 64);
  file.writeBigUInt64LE(BigInt(64 + names.length), 40);
  file.writeUInt16LE(64, 58);
  file.writeUInt16LE(headers.length, 60);
  file.writeUInt16LE(headers.length - 1, 62);
  for (const [i, [name, size]] of headers.entries()) {
    const at = 64 + names.length + 64 * i;
    file.writeUInt32LE(name === "" ? 0 : names.indexOf(`\0${name}\0`) + 1, at);
    file.writeBigUInt64LE(64n, at + 24);
    file.writeBigUInt64LE(BigInt(size), at + 32);
  }
  return file;
}

describe("scripts/cuda-report", () => {
  const support = () => import(pathToFileURL(join(packageRoot(), "scripts", "support", "cuda-code.mjs")).href);

  it("counts the instructions of each kernel", async () => {
    const { countInstructions } = await support();
    assert.deepEqual(Object.fromEntries(countInstructions(ptx)), {
      _Z3onePf: { all: 8, wgmma: 1, "loads of 16 bytes": 1, "special functions": 1, "other stores": 1 },
      _Z3twov: { all: 2, "stores of 16 bytes": 1 },
    });
  });

  it("finds the size of each kernel's code", async () => {
    const { codeSizes } = await support();
    const file = elf({ ".text._Z3onePf": 1280, ".nv.info": 40, ".text._Z3twov": 128 });
    assert.deepEqual(Object.fromEntries(codeSizes(file)), { _Z3onePf: 1280, _Z3twov: 128 });
  });

  it("reads what ptxas tells of each kernel", async () => {
    const { readUsage } = await import(pathToFileURL(join(packageRoot(), "scripts", "cuda-report.mjs")).href);
    const rest = { source: "a_cuda.cu", target: "90a" };
    assert.deepEqual(readUsage(printed, "a_cuda.cu", "90a"), [
      { kernel: "_Z3oneif", registers: 24, shared: 4096, stack: 0, spilled: 0, ...rest },
      { kernel: "_Z3twov", registers: 255, shared: 0, stack: 16, spilled: 32, ...rest },
    ]);
  });
});
