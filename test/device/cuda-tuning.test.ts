/**
 * How the sizes of tiles are found: tried where a plan runs first, remembered in memory and in a file. On the emulation,
 * where a test says how long kernels take.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { randomTensor } from "../ops/support.js";
import { emulatedLibrary, emulation } from "./cuda-device.js";

/** Sums of a thread in tiles of float32, which name the kernels. */
const TILES = { large: "8, 8", tall: "8, 4", small: "4, 4" } as const;
type Tile = keyof typeof TILES;

const kernelOf = (tile: Tile) => `product_kernel<lmspt::cuda::SimtTile<${TILES[tile]}>`;

/** How long tiles take, in ms. */
function setTimes(times: Readonly<Record<Tile, number>>): void {
  emulation().setKernelTimes(
    Object.fromEntries(Object.entries(times).map(([tile, time]) => [kernelOf(tile as Tile), time])),
  );
}

describe("tuning on CUDA", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lmspt-tuning-"));
    setTimes({ large: 9, tall: 9, small: 9 });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    emulation().setKernelTimes({});
  });

  /** Calls `body` with a device that was opened with tuning on and this cache. */
  async function withTuning(body: (device: Device) => Promise<void>, cache = folder, tune = "1"): Promise<void> {
    const before = { LMSPT_CACHE: process.env.LMSPT_CACHE, LMSPT_CUDA_TUNE: process.env.LMSPT_CUDA_TUNE };
    Object.assign(process.env, { LMSPT_CACHE: cache, LMSPT_CUDA_TUNE: tune });
    const device = Device.open("cuda:0", { library: emulatedLibrary });
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await using _ = device;
    await body(device);
  }

  /** A product of `rows` rows, run twice: its bits, and launches by tile in the first and the second run. */
  async function multiply(device: Device, rows: number) {
    const x = randomTensor([rows, 64], 1);
    const w = randomTensor([96, 64], 2);
    const graph = new Graph();
    const y = ops.linear(graph.input("x", x.shape), graph.constant(w.data, w.shape));
    const plan = await graph.compile(device, { y });
    const runs: Partial<Record<Tile, number>>[] = [];
    let bits: Uint32Array | undefined;
    for (let run = 0; run < 2; run++) {
      const before = launches();
      const { y: values } = await plan.run({ x: x.data });
      const now = new Uint32Array(values!.buffer, values!.byteOffset, values!.length);
      if (bits) assert.deepEqual(now, bits);
      bits = now.slice();
      const counted = Object.entries(launches()).map(([tile, count]) => [tile, count - before[tile as Tile]] as const);
      runs.push(Object.fromEntries(counted.filter(([, count]) => count > 0)));
    }
    plan.close();
    graph.close();
    return { bits: bits!, runs };
  }

  function launches(): Record<Tile, number> {
    const { kernels } = emulation().counts();
    const of = (tile: Tile) =>
      Object.entries(kernels).reduce((sum, [name, count]) => sum + (name.includes(kernelOf(tile)) ? count : 0), 0);
    return { large: of("large"), tall: of("tall"), small: of("small") };
  }

  const filesIn = (cache: string) => readdirSync(cache).map((name) => join(cache, name));

  it("takes the tile that is fastest, and changes no bit", async () => {
    let expected: Uint32Array | undefined;
    await withTuning(
      async (device) => {
        expected = (await multiply(device, 70)).bits;
      },
      folder,
      "0",
    );
    for (const tile of Object.keys(TILES) as Tile[]) {
      setTimes({ large: 9, tall: 9, small: 9, [tile]: 2 });
      await withTuning(
        async (device) => {
          const { bits, runs } = await multiply(device, 70);
          assert.deepEqual(bits, expected);
          for (const other of Object.keys(TILES) as Tile[]) assert(runs[0]![other]! >= 2, JSON.stringify(runs));
          assert.deepEqual(runs[1], { [tile]: 1 });
        },
        join(folder, tile),
      );
    }
  });

  it("takes the fastest of the tiles of warp groups that may take the least time", async () => {
    const kernelOf = (columns: number) => `sm90_product_kernel<lmspt::cuda::Sm90Tile<lmspt::cuda::Bf16, ${columns},`;
    const tiles = [256, 192, 128, 64];
    const launchesNow = () =>
      tiles.map((columns) =>
        Object.entries(emulation().counts().kernels).reduce(
          (sum, [name, count]) => sum + (name.includes(kernelOf(columns)) ? count : 0),
          0,
        ),
      );
    const x = randomTensor([600, 64], 1);
    const w = randomTensor([256, 64], 2);
    let expected: Float32Array | undefined;
    for (const fastest of [256, 128]) {
      emulation().setKernelTimes(
        Object.fromEntries(tiles.map((columns) => [kernelOf(columns), columns === fastest ? 2 : 9])),
      );
      await withTuning(
        async (device) => {
          const graph = new Graph();
          const y = ops.linear(graph.input("x", x.shape), graph.constant(w.data, w.shape));
          const plan = await graph.compile(device, { y }, [], { precision: "bf16" });
          const runs: number[][] = [];
          for (let run = 0; run < 2; run++) {
            const before = launchesNow();
            const { y: values } = await plan.run({ x: x.data });
            runs.push(launchesNow().map((count, i) => count - before[i]!));
            expected ??= (values as Float32Array).slice();
            assert.deepEqual(values, expected);
          }
          assert(runs[0]!.filter((count) => count > 0).length > 1, "several are tried");
          assert.deepEqual(
            runs[1],
            tiles.map((columns) => Number(columns === fastest)),
          );
          plan.close();
          graph.close();
        },
        join(folder, String(fastest)),
      );
    }
  });

  it("remembers it for other plans, devices and processes", async () => {
    setTimes({ large: 9, tall: 2, small: 9 });
    await withTuning(async (device) => {
      await multiply(device, 70);
      setTimes({ large: 1, tall: 9, small: 9 });
      assert.deepEqual((await multiply(device, 70)).runs, [{ tall: 1 }, { tall: 1 }]);
    });
    await withTuning(async (device) => {
      assert.deepEqual((await multiply(device, 70)).runs, [{ tall: 1 }, { tall: 1 }]);
      assert.deepEqual((await multiply(device, 71)).runs[1], { large: 1 }, "of another shape nothing is known");
    });
    const [file, ...others] = filesIn(folder);
    assert.deepEqual(others, [], "drafts are put in place or removed");
    const text = readFileSync(file!, "utf8");
    assert.match(text, /^lmspt tuning 1; .+; driver \d+; runtime \d+; library \d+-\d+\n/);
    assert.equal(text.trimEnd().split("\n").length, 3);
  });

  it("adds to what others found meanwhile", async () => {
    setTimes({ large: 9, tall: 9, small: 2 });
    await withTuning((first) =>
      withTuning(async (second) => {
        await multiply(first, 70); // reads the file
        await multiply(second, 71);
        await multiply(first, 72);
      }),
    );
    setTimes({ large: 1, tall: 9, small: 9 });
    await withTuning(async (device) => {
      for (const rows of [70, 71, 72]) assert.deepEqual((await multiply(device, rows)).runs[0], { small: 1 });
    });
  });

  it("takes no harm of a damaged file", async () => {
    setTimes({ large: 9, tall: 2, small: 9 });
    await withTuning(async (device) => void (await multiply(device, 70)));
    const [file] = filesIn(folder);
    const text = readFileSync(file!, "utf8");
    const last = text.trimEnd().lastIndexOf(" ");
    const damaged = {
      empty: "",
      cut: text.slice(0, last - 2),
      "of another library": text.replace(/library \d+/, "library 1"),
      "with another choice": `${text.slice(0, last - 1)}0${text.slice(last)}`,
      noise: `${text.split("\n")[0]}\n${"\0\xff 1 2 ".repeat(1000)}\n`,
    };
    setTimes({ large: 9, tall: 9, small: 2 });
    for (const [what, content] of Object.entries(damaged)) {
      writeFileSync(file!, content, "latin1");
      await withTuning(async (device) => {
        assert.deepEqual((await multiply(device, 70)).runs[1], { small: 1 }, what);
      });
    }
    rmSync(file!);
    mkdirSync(file!);
    await withTuning(async (device) => assert.deepEqual((await multiply(device, 70)).runs[1], { small: 1 }));
    assert.deepEqual(filesIn(folder), [file]);
  });

  it("does without a file where none can be written", async () => {
    setTimes({ large: 2, tall: 9, small: 9 });
    await withTuning(
      async (device) => assert.deepEqual((await multiply(device, 70)).runs[1], { large: 1 }),
      "/dev/null/nowhere",
    );
  });

  it("stops where it has taken half a second in all, and goes by the rule from then on", async () => {
    setTimes({ large: 300, tall: 200, small: 300 });
    await withTuning(async (device) => {
      assert.deepEqual((await multiply(device, 70)).runs[1], { tall: 1 });
      assert.deepEqual((await multiply(device, 71)).runs, [{ small: 1 }, { small: 1 }]);
    });
    setTimes({ large: 2, tall: 9, small: 9 });
    await withTuning(async (device) => {
      assert.deepEqual((await multiply(device, 71)).runs[1], { large: 1 }, "the next process tries what is left");
    });
  });

  it("is switched off by LMSPT_CUDA_TUNE=0", async () => {
    setTimes({ large: 1, tall: 9, small: 9 });
    await withTuning(
      async (device) => assert.deepEqual((await multiply(device, 70)).runs, [{ small: 1 }, { small: 1 }]),
      folder,
      "0",
    );
    assert.deepEqual(filesIn(folder), []);
  });
});
