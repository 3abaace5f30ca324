/** safetensors-reader and safetensors-writer, against each other and against Python's package. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { narrow } from "../../lib/data/half-precision.js";
import { readSafetensors, readSafetensorsHeader, readTensor, type Tensor } from "../../lib/data/safetensors-reader.js";
import { writeSafetensors } from "../../lib/data/safetensors-writer.js";
import {
  fixture,
  fixturePath,
  hasCode,
  isFormatError,
  mutate,
  randomNumbers,
  requireCleanOutcome,
  useTemporaryFolder,
} from "./support.js";

const INVALID = "ERR_LMSPT_INVALID_ARGUMENT";
const f32 = (shape: number[], ...values: number[]): Tensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom("F32", "F64", "I64", "I32", "U8", "BOOL"), fc.array(fc.nat(4), { maxLength: 4 }), fc.nat())
  .map(([dtype, shape, seed]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const random = randomNumbers(seed);
    const integers = Array.from({ length }, () => random(2 ** 32) - 2 ** 31);
    if (dtype === "F32") return { dtype, shape, data: Float32Array.from(integers, (value) => value / 3) };
    if (dtype === "F64") return { dtype, shape, data: Float64Array.from(integers, (value) => value / 3) };
    if (dtype === "I64")
      return { dtype, shape, data: BigInt64Array.from(integers, (value) => BigInt(value) * 3n ** 19n) };
    if (dtype === "I32") return { dtype, shape, data: Int32Array.from(integers) };
    return { dtype: dtype as "U8" | "BOOL", shape, data: Uint8Array.from(integers, (value) => value & 1) };
  });

describe("reading safetensors files", () => {
  const inFolder = useTemporaryFolder();
  const path = fixturePath("python.safetensors");

  it("gives what Python's package wrote", async () => {
    const header = await readSafetensorsHeader(path);
    assert.deepEqual(Object.fromEntries(header.metadata), { format: "np", note: "two\nlines" });
    const read = async (name: string) => readTensor(path, header.tensors.get(name)!);
    assert.deepEqual(await read("f32"), f32([2, 3], 1.5, -2, 0, 3.25, 1e-40, 3e38));
    assert.deepEqual(await read("scalar"), f32([], 42));
    assert.deepEqual(await read("empty"), f32([0, 4]));
    assert.deepEqual(await read('naïve "名"'), f32([1], 7));
    assert.deepEqual(await read("f64"), { dtype: "F64", shape: [2], data: Float64Array.of(Math.PI, -1e300) });
    const i64 = BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n);
    assert.deepEqual(await read("i64"), { dtype: "I64", shape: [3], data: i64 });
    const i32 = Int32Array.of(-(2 ** 31), 2 ** 31 - 1);
    assert.deepEqual(await read("i32"), { dtype: "I32", shape: [1, 2], data: i32 });
    assert.deepEqual(await read("u8"), { dtype: "U8", shape: [3], data: Uint8Array.of(0, 127, 255) });
    assert.deepEqual(await read("bool"), { dtype: "BOOL", shape: [2], data: Uint8Array.of(1, 0) });
  });

  it("widens float16 and bfloat16 exactly", async () => {
    const { tensors } = await readSafetensorsHeader(path);
    const half = [0, -0, 1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, -(2 ** -14), Infinity, -Infinity, NaN, 1365 / 4096];
    assert.deepEqual(await readTensor(path, tensors.get("f16")!), f32([12], ...half));
    const largest = (2 - 2 ** -7) * 2 ** 127;
    const brain = [0, -0, 1, -2, largest, 2 ** -133, Infinity, -Infinity, NaN, 3.140625];
    assert.deepEqual(await readTensor(path, tensors.get("bf16")!), f32([10], ...brain));
  });

  it("gives float16 and bfloat16 that were written, widened", async () => {
    const values = Float32Array.of(1, -1.5, 2 ** -20, 1000);
    await writeSafetensors(inFolder("halves"), [
      ["f16", { dtype: "F16", shape: [4], data: narrow(values, "F16") }],
      ["bf16", { dtype: "BF16", shape: [2, 2], data: narrow(values, "BF16") }],
    ]);
    const { tensors } = await readSafetensors(inFolder("halves"));
    assert.deepEqual(tensors.get("f16"), f32([4], ...values));
    assert.deepEqual(tensors.get("bf16"), f32([2, 2], ...values));
  });

  it("refuses types that it does not read, with what to do", async () => {
    const { tensors } = await readSafetensorsHeader(path);
    await assert.rejects(
      readTensor(path, tensors.get("i16")!),
      hasCode("ERR_LMSPT_UNSUPPORTED", /not from I16; convert/),
    );
  });

  it("reports what is missing", async () => {
    await assert.rejects(readSafetensorsHeader(inFolder("none")), hasCode("ERR_LMSPT_IO", /Cannot read .*none/));
    await writeSafetensors(inFolder("a"), [["x", f32([4], 1, 2, 3, 4)]]);
    const info = (await readSafetensorsHeader(inFolder("a"))).tensors.get("x")!;
    truncateSync(inFolder("a"), info.end - 3);
    await assert.rejects(readSafetensorsHeader(inFolder("a")), isFormatError(/ends at byte/));
    await assert.rejects(readTensor(inFolder("a"), info), isFormatError(/cut off/, info.end - 3));
  });

  it("stops when its signal says so", async () => {
    const reason = new Error("enough");
    const reading = readSafetensors(path, { signal: AbortSignal.abort(reason) });
    await assert.rejects(reading, (error) => error === reason);
  });

  it("survives 1500 mutated files with a result or a typed error", async function () {
    this.timeout(120_000);
    await writeSafetensors(inFolder("own"), [
      ["a", f32([2, 2], 1, 2, 3, 4)],
      ["b", f32([3], 5, 6, 7)],
    ]);
    const originals = [fixture("python.safetensors"), readFileSync(inFolder("own"))];
    const random = randomNumbers(21);
    let refused = 0;
    for (let i = 0; i < 1500; i++) {
      const original = originals[i % 2]!;
      const dataBegin = 8 + Buffer.from(original).readUInt32LE(0);
      let bytes = mutate(original, random);
      while (bytes.length > 8 && random(3) === 0) bytes = mutate(bytes, random);
      if (random(2))
        bytes = Buffer.concat([mutate(original.subarray(0, dataBegin), random), original.subarray(dataBegin)]);
      writeFileSync(inFolder("a"), bytes);
      const readAll = async () => {
        for (const tensor of (await readSafetensorsHeader(inFolder("a"))).tensors.values()) {
          await readTensor(inFolder("a"), tensor);
        }
      };
      if (!(await requireCleanOutcome(readAll, `mutation ${i}`))) refused++;
      await requireCleanOutcome(() => readSafetensors(inFolder("a")), `mutation ${i}, whole`);
    }
    assert.ok(refused > 1000 && refused < 1500, `${refused} refused`);
  });
});

describe("writeSafetensors", () => {
  const inFolder = useTemporaryFolder();
  const files = () => readdirSync(dirname(inFolder("x")));

  it("writes what reads back, in the given order, data aligned to 64 bytes", async () => {
    const names = fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__");
    const tensors = fc.uniqueArray(fc.tuple(names, anyTensor), { selector: ([name]) => name, maxLength: 8 });
    const metadata = fc.uniqueArray(fc.tuple(names, fc.string({ unit: "binary" })), { selector: ([name]) => name });
    await fc.assert(
      fc.asyncProperty(tensors, metadata, async (tensors, metadata) => {
        await writeSafetensors(inFolder("a"), tensors, { metadata });
        assert.equal((await readSafetensorsHeader(inFolder("a"))).dataBegin % 64, 0);
        const read = await readSafetensors(inFolder("a"));
        assert.deepEqual([...read.tensors], tensors);
        assert.deepEqual([...read.metadata], metadata);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps the order of names that look like numbers, and harmless names harmless", async () => {
    const tensors = ["10", "9", "__proto__", "constructor"].map((name, i) => [name, f32([1], i)] as const);
    await writeSafetensors(inFolder("a"), tensors);
    assert.deepEqual([...(await readSafetensors(inFolder("a"))).tensors], tensors);
  });

  it("writes views of larger buffers", async () => {
    const data = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
    await writeSafetensors(inFolder("a"), [["x", { dtype: "F32", shape: [2], data }]]);
    assert.deepEqual((await readSafetensors(inFolder("a"))).tensors.get("x"), f32([2], 1, 2));
  });

  const x = f32([1], 1);
  const wrong: [string, [string, Tensor][], RegExp][] = [
    [
      "a name twice",
      [
        ["x", x],
        ["x", x],
      ],
      /used once .* "x"/,
    ],
    ["the reserved name", [["__metadata__", x]], /is not __metadata__/],
    ["data that do not fill the shape", [["x", { ...x, shape: [2] }]], /8 bytes for shape \[2\] for x.data/],
    ["negative sizes", [["x", { ...x, shape: [-1, -1] }]], /x.shape/],
    ["an array of another type", [["x", { ...x, dtype: "I32" }]], /a Int32Array for x.data/],
    ["a type that is not written", [["x", { ...x, dtype: "toString" as "F32" }]], /for x.dtype/],
  ];
  for (const [what, tensors, message] of wrong) {
    it(`refuses ${what}, and writes nothing`, async () => {
      await assert.rejects(writeSafetensors(inFolder("a"), tensors), hasCode(INVALID, message));
      assert.deepEqual(files(), []);
    });
  }

  it("refuses metadata that are not strings or repeat", async () => {
    const write = (metadata: unknown) =>
      writeSafetensors(inFolder("a"), [], { metadata: metadata as [string, string][] });
    await assert.rejects(write([["a", 1]]), hasCode(INVALID, /strings/));
    await assert.rejects(
      write([
        ["a", "1"],
        ["a", "2"],
      ]),
      hasCode(INVALID, /once/),
    );
  });

  it("leaves the old file alone when it is stopped or cannot finish", async () => {
    writeFileSync(inFolder("a"), "old");
    const reason = new Error("enough");
    const writing = writeSafetensors(inFolder("a"), [["x", x]], { signal: AbortSignal.abort(reason) });
    await assert.rejects(writing, (error) => error === reason);
    assert.deepEqual([files(), readFileSync(inFolder("a"), "utf8")], [["a"], "old"]);
    mkdirSync(inFolder("b/full"), { recursive: true });
    await assert.rejects(writeSafetensors(inFolder("b"), [["x", x]]), hasCode("ERR_LMSPT_IO"));
    assert.deepEqual(files(), ["a", "b"]);
  });
});
