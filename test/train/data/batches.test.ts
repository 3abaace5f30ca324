import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../../../lib/audio/wav.js";
import { type Batch, Batches, type BatchOptions, loadCorpus } from "../../../lib/train/data/index.js";
import { DrawOrder } from "../../../lib/train/data/order.js";
import { fixture } from "../../audio/support.js";

const pathsOf = async (paths: string[]) => (await loadCorpus(paths)).map(({ source }) => source.path);

describe("training data", function () {
  this.timeout(30_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-data-"));
    await mkdir(join(folder, "corpus", "b"), { recursive: true });
    for (let i = 0; i < 5; i++) await writeFile(join(folder, "corpus", "b", `ramp${i}.wav`), ramp(i));
    await copyFile(fixture("speech-1s.flac"), join(folder, "corpus", "a.flac"));
    await writeFile(join(folder, "corpus", "notes.txt"), "no audio");
    await writeFile(join(folder, "corpus", ".hidden.wav"), "no audio");
  });
  after(() => rm(folder, { recursive: true }));

  /** 1000 samples at 8 kHz that tell where they lie: i + n / 1000. */
  function ramp(i: number): Uint8Array {
    const samples = Float32Array.from({ length: 1000 }, (_, n) => (i + n / 1000) / 8);
    return encodeWav({ samples, sampleRate: 8000 }, { encoding: "float32" });
  }

  const options = (files: readonly string[], changes: Partial<BatchOptions> = {}): BatchOptions => ({
    sources: files.map((path) => ({ path })),
    seed: 3,
    batch: 2,
    forms: [
      { rate: 8000, samples: 100 },
      { rate: 16000, samples: 200 },
    ],
    workers: 2,
    ahead: 2,
    start: 0,
    ...changes,
  });

  async function take(given: BatchOptions, count: number): Promise<{ batches: Batch[]; skipped: Map<string, string> }> {
    const source = new Batches(given);
    try {
      const batches: Batch[] = [];
      for (let i = 0; i < count; i++) batches.push(await source.next());
      return { batches, skipped: source.skipped };
    } finally {
      await source.close();
    }
  }

  const ramps = async () => (await pathsOf([join(folder, "corpus", "b")])).filter((path) => path.endsWith(".wav"));

  it("are found in folders, sorted, and in manifests of both kinds", async () => {
    const found = await pathsOf([join(folder, "corpus")]);
    assert.deepEqual(
      found.map((path) => path.slice(folder.length + 8)),
      ["a.flac", ...[0, 1, 2, 3, 4].map((i) => join("b", `ramp${i}.wav`))],
    );
    await writeFile(
      join(folder, "list.jsonl"),
      '{"audio": "corpus/a.flac", "text": "x"}\n\n{"path": "corpus/b/ramp1.wav"}\n',
    );
    await writeFile(join(folder, "wav.scp"), "one corpus/b/ramp2.wav\ntwo corpus/a.flac\n");
    const listed = await pathsOf([
      join(folder, "list.jsonl"),
      join(folder, "wav.scp"),
      join(folder, "corpus", "a.flac"),
    ]);
    assert.deepEqual(
      listed.map((path) => path.slice(folder.length + 8)),
      ["a.flac", "b/ramp1.wav", "b/ramp2.wav", "a.flac", "a.flac"],
    );
  });

  it("are refused where there are none, or a manifest is broken, with its line", async () => {
    await assert.rejects(pathsOf([join(folder, "nowhere")]), { code: "ERR_LMSPT_IO", message: /found nothing/ });
    await mkdir(join(folder, "empty"));
    await assert.rejects(pathsOf([join(folder, "empty")]), { code: "ERR_LMSPT_IO", message: /found none/ });
    await writeFile(join(folder, "broken.jsonl"), '{"audio": "a.wav"}\n{"text": "x"}\n');
    await assert.rejects(pathsOf([join(folder, "broken.jsonl")]), {
      code: "ERR_LMSPT_FORMAT",
      message: /broken\.jsonl:2: expected the path/,
    });
    await writeFile(join(folder, "wav.scp"), "one sox in.wav - |\n");
    await assert.rejects(pathsOf([join(folder, "wav.scp")]), { code: "ERR_LMSPT_FORMAT", message: /wav\.scp:1/ });
  });

  it("come once an epoch each, in another order every epoch, which the seed alone decides", () => {
    const drawn = (seed: number) => {
      const order = new DrawOrder(seed, 20);
      return Array.from({ length: 60 }, (_, draw) => order.at(draw).item);
    };
    const [a, b] = [drawn(1), drawn(2)];
    for (const epoch of [0, 1, 2]) assert.equal(new Set(a.slice(20 * epoch, 20 * epoch + 20)).size, 20);
    assert.notDeepEqual(a.slice(0, 20), a.slice(20, 40));
    assert.notDeepEqual(a, b);
    assert.deepEqual(drawn(1), a);
    assert.deepEqual(new DrawOrder(1, 20).at(45), { epoch: 2, item: a[45] });
  });

  it("are pieces of the files, at every rate the same piece", async () => {
    const { batches } = await take(options(await ramps()), 6);
    const places = new Set<number>();
    for (const { forms } of batches) {
      const [slow, fast] = forms as [Float32Array, Float32Array];
      for (const item of [0, 1]) {
        const piece = slow.subarray(100 * item, 100 * item + 100);
        const start = Math.round(piece[0]! * 8000);
        places.add(start % 1000);
        assert((start % 1000) + 100 <= 1000, "lies inside the file");
        for (let n = 0; n < 100; n++) assert(Math.abs(piece[n]! - (start + n) / 8000) < 1e-6);
        for (let n = 20; n < 80; n++) assert(Math.abs(fast[200 * item + 2 * n]! - piece[n]!) < 2e-3);
      }
    }
    assert(places.size > 6, "they begin anywhere");
  });

  it("do not depend on the threads, on what is made ahead, or on where a run was taken up", async () => {
    const files = await ramps();
    const { batches: whole } = await take(options(files), 5);
    const { batches: other } = await take(options(files, { workers: 3, ahead: 7 }), 5);
    assert.deepEqual(other, whole);
    const { batches: rest } = await take(options(files, { start: whole[1]!.next }), 3);
    assert.deepEqual(rest, whole.slice(2));
    const { batches: seeded } = await take(options(files, { seed: 4 }), 1);
    assert.notDeepEqual(seeded[0]!.forms, whole[0]!.forms);
  });

  it("are completed by silence where a file is short", async () => {
    const { batches } = await take(options(await ramps(), { forms: [{ rate: 8000, samples: 1500 }], batch: 1 }), 1);
    const [crop] = batches[0]!.forms as [Float32Array];
    assert(crop[999]! !== 0 && crop.subarray(1000).every((value) => value === 0));
  });

  it("leave out broken files, and say which and why", async () => {
    const broken = join(folder, "broken.wav");
    await writeFile(broken, "this is no audio");
    const files = [...(await ramps()), broken];
    const { batches, skipped } = await take(options(files), 6);
    assert.deepEqual([...skipped.keys()], [broken]);
    assert.match(skipped.get(broken)!, /audio/i);
    const { batches: again } = await take(options(files, { start: batches[3]!.next }), 2);
    assert.deepEqual(again, batches.slice(4));
    await assert.rejects(take(options([broken]), 1), {
      code: "ERR_LMSPT_IO",
      message: /None of the 1 files can be read.*broken\.wav/,
    });
  });

  it("are there before they are asked for once they had time, which a counter shows", async () => {
    const source = new Batches(options(await ramps()));
    try {
      await source.next();
      assert.equal(source.waits, 1, "nothing is there at the start");
      for (let tries = 0, before = -1; source.waits !== before; tries++) {
        assert(tries < 50, "it always waits");
        await new Promise((resolve) => setTimeout(resolve, 100));
        before = source.waits;
        await source.next();
      }
    } finally {
      await source.close();
    }
  });
});
