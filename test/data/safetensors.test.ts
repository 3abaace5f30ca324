import assert from "node:assert/strict";
import { parseSafetensorsHeader } from "../../lib/data/safetensors.js";
import { hasCode, isFormatError } from "./support.js";

/** A file of that JSON and as many bytes of data. */
function fileOf(json: string | Uint8Array, dataBytes = 0): { bytes: Buffer; size: number } {
  const header = Buffer.from(json as string);
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  const bytes = Buffer.concat([length, header]);
  return { bytes, size: bytes.length + dataBytes };
}

function parse(json: string | Uint8Array, dataBytes = 0) {
  const { bytes, size } = fileOf(json, dataBytes);
  return parseSafetensorsHeader(bytes, size);
}

const entry = (name: string, shape: string, begin: number, end: number, dtype = "F32") =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

describe("parseSafetensorsHeader", () => {
  it("gives names, types, shapes and places in the order of the header", () => {
    const json = `{${entry("b", "[2,3]", 4, 28)}, ${entry("a", "[]", 0, 4)} ,${entry("e", "[0,7]", 28, 28)}}   `;
    const { tensors, metadata, dataBegin } = parse(json, 28);
    assert.equal(dataBegin, 8 + json.length);
    assert.deepEqual(
      [...tensors],
      [
        ["b", { dtype: "F32", shape: [2, 3], begin: dataBegin + 4, end: dataBegin + 28 }],
        ["a", { dtype: "F32", shape: [], begin: dataBegin, end: dataBegin + 4 }],
        ["e", { dtype: "F32", shape: [0, 7], begin: dataBegin + 28, end: dataBegin + 28 }],
      ],
    );
    assert.equal(metadata.size, 0);
  });

  it("gives the metadata, escapes undone", () => {
    const { metadata } = parse('{"__metadata__":{"a":"x\\n\\u00e9","b":""}}');
    assert.deepEqual(
      [...metadata],
      [
        ["a", "x\né"],
        ["b", ""],
      ],
    );
    assert.equal(parse("{}").tensors.size, 0);
  });

  it("takes __proto__ as a name like any other", () => {
    const { tensors, metadata } = parse(`{"__metadata__":{"__proto__":"m"},${entry("__proto__", "[1]", 0, 4)}}`, 4);
    assert.deepEqual([[...tensors.keys()], [...metadata.keys()]], [["__proto__"], ["__proto__"]]);
    assert.equal("dtype" in {}, false);
  });

  const good = entry("a", "[1]", 0, 4);
  const wrong: [string, string | Uint8Array, number, RegExp, number][] = [
    ["white space before the brace", ` {${good}}`, 4, /begin with \{/, 8],
    ["an array", `[${good}]`, 4, /begin with \{/, 8],
    ["something after the object", `{${good}} x`, 4, /Expected the end .* 0x78/, 8 + good.length + 3],
    ["an object that does not end", `{${good}`, 4, /Expected "}" .* the end/, 8 + good.length + 1],
    ["a name without quotes", "{a:1}", 0, /Expected a string .* 0x61/, 9],
    ["a string that does not end", '{"a', 0, /ends within a string/, 9],
    ["a string that ends in a backslash", '{"a\\', 0, /ends within a string/, 9],
    ["a bad escape", '{"a\\x":1}', 0, /string is not valid/, 9],
    ["a control character in a string", '{"a\n":1}', 0, /string is not valid/, 9],
    ["a string that is not UTF-8", Buffer.from('{"\xff":1}', "latin1"), 0, /not UTF-8/, 9],
    ["a name that occurs twice", `{${good},${good}}`, 4, /name "a" occurs twice/, 8 + good.length + 2],
    ["metadata that occur twice", '{"__metadata__":{},"__metadata__":{}}', 0, /occurs twice/, 27],
    ["a field that occurs twice", '{"a":{"dtype":"F32","dtype":"F32"}}', 0, /"dtype" occurs twice/, 28],
    ["an unknown field", '{"a":{"size":1}}', 0, /Unknown field "size"/, 14],
    ["metadata that are not strings", '{"__metadata__":{"a":1}}', 0, /Expected a string/, 29],
    ["a missing field", '{"a":{"dtype":"F32","shape":[]}}', 0, /"a" lacks/, 9],
    ["an unknown type", `{${entry("a", "[1]", 0, 4, "toString")}}`, 4, /Unknown dtype "toString"/, 22],
    ["a negative size", `{${entry("a", "[-1]", 0, 4)}}`, 4, /whole number .* 0x2d/, 37],
    ["a broken size", `{${entry("a", "[1.0]", 0, 4)}}`, 4, /Expected "]"/, 38],
    ["a size with a leading zero", `{${entry("a", "[01]", 0, 4)}}`, 4, /whole number/, 37],
    ["a size beyond 2^53", `{${entry("a", "[9007199254740993]", 0, 4)}}`, 4, /whole number/, 37],
    ["sizes whose product overflows", `{${entry("a", "[4294967296,4294967296]", 0, 4)}}`, 4, /type and shape need/, 9],
    ["a shape that does not fit its bytes", `{${entry("a", "[2]", 0, 4)}}`, 4, /has 4 bytes, but .* need 8/, 9],
    ["offsets that go backwards", `{${entry("a", "[0]", 4, 0)}}`, 4, /ascending data_offsets/, 9],
    ["three offsets", '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}', 2, /not \[0, 1, 2\]/, 9],
    ["data beyond the end of the file", `{${good}}`, 3, /the file at byte/, 9],
    ["data that no tensor owns at the end", `{${good}}`, 5, /1 bytes at the end/, 8 + good.length + 2 + 4],
    ["a hole before the first tensor", `{${entry("a", "[1]", 4, 8)}}`, 8, /4 bytes before Tensor "a"/, 9],
    ["a hole", `{${good},${entry("b", "[1]", 5, 9)}}`, 9, /1 bytes before Tensor "b"/, 8 + good.length + 2],
    ["tensors that overlap", `{${good},${entry("b", "[1]", 3, 7)}}`, 7, /"b" overlaps/, 8 + good.length + 2],
    ["tensors in the same place", `{${good},${entry("b", "[1]", 0, 4)}}`, 4, /"b" overlaps/, 8 + good.length + 2],
  ];
  for (const [what, json, dataBytes, message, offset] of wrong) {
    it(`refuses ${what}`, () => assert.throws(() => parse(json, dataBytes), isFormatError(message, offset)));
  }

  it("refuses lengths that the file does not have or that pass the limit", () => {
    const bytes = Buffer.alloc(64, " ");
    for (const length of [0n, 1n, 57n, 2n ** 53n, 2n ** 64n - 1n]) {
      bytes.writeBigUInt64LE(length);
      assert.throws(() => parseSafetensorsHeader(bytes, 64), isFormatError(/claims a header of/, 0));
    }
    bytes.writeBigUInt64LE(100_000_001n);
    assert.throws(() => parseSafetensorsHeader(bytes, 2 ** 40), isFormatError(/limit 100000000/, 0));
    assert.throws(() => parseSafetensorsHeader(bytes.subarray(0, 5), 5), isFormatError(/fewer than 8 bytes/, 5));
  });

  it("asks for the whole header", () => {
    const { bytes, size } = fileOf(`{${good}}`, 4);
    assert.throws(
      () => parseSafetensorsHeader(bytes.subarray(0, 20), size),
      hasCode("ERR_LMSPT_INVALID_ARGUMENT", /the first \d+ bytes/),
    );
  });

  it("names long names in short", () => {
    const name = "n".repeat(10_000);
    assert.throws(
      () => parse(`{${entry(name, "[2]", 0, 4)}}`, 4),
      (error: Error) => error.message.length < 300,
    );
  });
});
