import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { copyHeldToAvx2 } from "../../bench/peers/held-to-avx2.js";

const LIBRARY = "node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1";
const question = [0x31, 0xc9, 0x0f, 0x01, 0xd0];
const answer = [0x31, 0xc9, 0x6a, 0x07, 0x58];
const andAdd = [0x83, 0xe0, 0x0f, 0x01, 0xd0];

describe("a runtime held to AVX2", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "lmspt-avx2-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function installation(bytes: readonly number[]): Promise<string> {
    const folder = join(root, "peers");
    await mkdir(dirname(join(folder, LIBRARY)), { recursive: true });
    await writeFile(join(folder, LIBRARY), Buffer.from(bytes));
    return folder;
  }

  it("asks for registers no more, and is else the same", async () => {
    const folder = await installation([1, ...question, ...andAdd, ...question, 2, ...question]);
    const copy = join(root, "copy");
    await copyHeldToAvx2(folder, copy);
    assert.deepEqual([...(await readFile(join(copy, LIBRARY)))], [1, ...answer, ...andAdd, ...answer, 2, ...answer]);
    assert.deepEqual([...(await readFile(join(folder, LIBRARY)))].slice(0, 6), [1, ...question]);
  });

  it("is refused where the library is not the one that is known", async () => {
    const folder = await installation([...question, ...andAdd]);
    await assert.rejects(copyHeldToAvx2(folder, join(root, "copy")), /Expected 3 places .* found 1/);
  });
});
