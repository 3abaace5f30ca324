import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import nodeGypBuild from "node-gyp-build";
import { Device } from "../../lib/graph/device.js";
import { cudaLibraryPath, native, packageRoot } from "../../lib/graph/native.js";
import { kernelCases } from "./cuda-cases.js";

const library = cudaLibraryPath();
const hasLibrary = existsSync(library);

const noLibrary = hasLibrary ? undefined : "this build has no CUDA library";
const hasGpu = () => hasLibrary && native().describeCuda(library).devices.length > 0;

/** A test, or with a reason a pending one that shows it. */
function itUnless(reason: string | undefined, title: string, body: () => void): void {
  if (reason === undefined) it(title, body);
  else it.skip(`${title} (pending: ${reason})`);
}

/** What a fresh process prints that runs `code` with the addon at hand. */
function runApart(code: string, env: NodeJS.ProcessEnv = process.env): string {
  const module = join(packageRoot(), "dist", "lib", "graph", "native.js");
  const program = `const { native, cudaLibraryPath } = require(${JSON.stringify(module)}); ${code}`;
  return execFileSync(process.execPath, ["-e", program], { encoding: "utf8", env });
}

/** The shared objects of a fresh process that has loaded the addon and then run `code`. */
function sharedObjectsAfter(code: string): string[] {
  return JSON.parse(
    runApart(`native(); ${code}; process.report.excludeNetwork = true;
      console.log(JSON.stringify(process.report.getReport().sharedObjects));`),
  );
}

/** How a CUDA device is refused where the driver is one that answers with these numbers. */
function refusalWithDriver(folder: string, version: number, initialised: number): string {
  const source = `int cuDriverGetVersion(int* version) { *version = ${version}; return 0; }
    int cuInit(unsigned flags) { return ${initialised}; }`;
  execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-", "-o", join(folder, "libcuda.so.1")], { input: source });
  return runApart(
    `try { new (native().Device)({ kind: "cuda", library: cudaLibraryPath(), index: 0 }) }
     catch (error) { console.log(error.code, error.message) }`,
    { ...process.env, LD_LIBRARY_PATH: folder },
  );
}

describe("the CUDA library", () => {
  describe("is apart from the addon", () => {
    it("the addon brings nothing of CUDA into the process", () => {
      const loaded = sharedObjectsAfter("");
      assert(
        loaded.some((path) => path.endsWith(".node")),
        "the list holds the addon",
      );
      assert.deepEqual(
        loaded.filter((path) => /cuda|nvidia/i.test(path)),
        [],
      );
    });

    itUnless(noLibrary, "it is loaded when asked for, and brings its own CUDA runtime", () => {
      const loaded = sharedObjectsAfter("native().describeCuda(cudaLibraryPath())");
      assert(loaded.includes(library), `${library} is loaded`);
      assert(!loaded.some((path) => /libcudart/.test(path)), "the runtime is linked statically");
    });
  });

  describe("describes itself", () => {
    itUnless(
      noLibrary,
      "lists the ops that lack a kernel: all but those that are compared with the CPU's below",
      () => {
        const { missing } = native().describeCuda(library);
        const compared = new Set(kernelCases.map(({ op }) => op));
        const ops = native()
          .listOps()
          .filter(({ view }) => !view);
        assert.deepEqual(
          missing,
          ops.map(({ name }) => name).filter((name) => !compared.has(name)),
        );
      },
    );

    itUnless(noLibrary, "has every pointwise op", () => {
      const { missing } = native().describeCuda(library);
      for (const op of ["add", "tanh", "gelu", "gelu_grad", "clamp", "greater_equal"])
        assert(!missing.includes(op), op);
    });

    itUnless(noLibrary, "names the devices or the reason why there are none", () => {
      const { devices, problem } = native().describeCuda(library);
      for (const device of devices) assert.match(device, /compute capability \d+\.\d, \d+\.\d GiB$/);
      if (problem !== undefined) {
        assert.deepEqual(devices, []);
        assert.match(problem, /driver/);
      }
    });
  });

  describe("is refused with what was probed", () => {
    const open = (path: string, index = 0) => new (native().Device)({ kind: "cuda", library: path, index });
    const refusal = (path: string, message: RegExp) =>
      assert.throws(() => open(path), { name: "LmsptError", code: "ERR_LMSPT_DEVICE", message });
    let folder: string;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "lmspt-cuda-"));
    });
    after(() => rmSync(folder, { recursive: true }));

    it("where there is none", () => {
      const path = join(folder, "absent.so");
      refusal(path, new RegExp(`Expected the CUDA library at ${path}, but it does not load: .+use the device "cpu"`));
    });

    it("where the file is something else", () => {
      const path = join(folder, "liblmspt_cuda.so");
      writeFileSync(path, "not a library");
      refusal(path, /does not load: .+liblmspt_cuda\.so/);
    });

    it("where the library is another one", () => {
      const path = nodeGypBuild.path(packageRoot());
      refusal(path, new RegExp(`The CUDA library at ${path} belongs to another version of lmspt`));
    });

    itUnless(noLibrary, "where there is no such device: the library's own error arrives as one of ours", () => {
      assert.throws(
        () => open(library, 4096),
        (error: Error & { code?: string }) => {
          assert.equal(error.name, "LmsptError");
          assert.equal(error.code, "ERR_LMSPT_DEVICE");
          assert.match(error.message, /driver|received 4096/);
          assert(error.message.endsWith(`The CUDA library itself loads from ${library}`), error.message);
          return true;
        },
      );
    });

    const noFakeDriver = noLibrary ?? (spawnSync("cc", ["--version"]).error ? "there is no C compiler" : undefined);

    itUnless(noFakeDriver, "where the driver is too old", () => {
      const message = refusalWithDriver(folder, 11040, 0);
      assert.match(
        message,
        /^ERR_LMSPT_DEVICE The NVIDIA driver is too old: it supports CUDA 11\.4, and the CUDA runtime/,
      );
    });

    itUnless(noFakeDriver, "where the driver sees no GPU", () => {
      const noDevice = 100;
      const message = refusalWithDriver(folder, 99000, noDevice);
      assert.match(message, /^ERR_LMSPT_DEVICE The NVIDIA driver answers, but it sees no GPU/);
    });

    itUnless(hasGpu() ? "a GPU is here" : undefined, 'for Device.open("cuda") where nothing can run it', () => {
      assert.throws(
        () => Device.open("cuda"),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "ERR_LMSPT_DEVICE");
          assert(error.message.includes(library), error.message);
          if (hasLibrary)
            assert.match(error.message, /No NVIDIA driver was found \(libcuda\.so\.1|driver is too old|no GPU/);
          return true;
        },
      );
    });
  });
});
