import assert from "node:assert/strict";
import { parseBytes } from "../../lib/data/parser.js";
import { parseTarMembers } from "../../lib/data/tar-members.js";
import { entry, tarOf } from "./tar-files.js";

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
const membersOf = (archive: Uint8Array) => parseBytes(archive, parseTarMembers(archive.length));

describe("members of tar archives", () => {
  for (const longNames of ["pax", "gnu"] as const) {
    it(`are found with their bytes and their long names (${longNames})`, () => {
      const files = [
        { name: "a.txt", bytes: bytes(3, 1) },
        { name: `folder/${"long".repeat(40)}.wav`, bytes: bytes(1024, 2) },
        { name: "empty.txt", bytes: bytes(0, 0) },
        { name: "b.wav", bytes: bytes(513, 3) },
      ];
      const archive = tarOf(files, longNames);
      const found = membersOf(archive).map(({ name, offset, bytes: length }) => {
        return { name, bytes: new Uint8Array(archive.subarray(offset, offset + length)) };
      });
      assert.deepEqual(found, files);
    });
  }

  it("are files alone: folders, links and remarks about all are passed over", () => {
    const archive = Buffer.concat([
      ...entry("pax_global_header", "g", Buffer.from("52 comment=0123456789012345678901234567890123456789\n")),
      ...entry("folder/", "5", bytes(0, 0)),
      ...entry("link", "2", bytes(0, 0)),
      ...entry("file", "0", bytes(5, 7)),
      Buffer.alloc(1024),
    ]);
    assert.deepEqual(membersOf(archive), [{ name: "file", offset: 5 * 512, bytes: 5 }]);
  });

  it("have sizes in binary where octal digits do not suffice, and prefixes of names", () => {
    const [header, ...rest] = entry("name", "0", bytes(6, 1)) as [Buffer, ...Buffer[]];
    header.fill(0, 124, 136);
    header.writeUInt8(0x80, 124);
    header.writeUInt32BE(6, 132);
    header.write("deep/er", 345);
    header.write("        ", 148);
    header.write(
      `${header
        .reduce((a, b) => a + b, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    const [member] = membersOf(Buffer.concat([header, ...rest]));
    assert.deepEqual(member, { name: "deep/er/name", offset: 512, bytes: 6 });
  });

  it("are refused where the archive is cut off or is none, with the place", () => {
    const archive = tarOf([{ name: "a", bytes: bytes(700, 1) }]);
    const refused = (part: Uint8Array, message: RegExp) =>
      assert.throws(() => membersOf(part), { code: "ERR_LMSPT_FORMAT", message });
    refused(archive.subarray(0, 1024), /cut off: a takes 700 bytes, 512 are left \(at byte 0\)/);
    refused(Buffer.alloc(512, "x"), /Expected the header.*\(at byte 0\)/);
    const damaged = Buffer.from(
      tarOf([
        { name: "a", bytes: bytes(1, 1) },
        { name: "b", bytes: bytes(1, 1) },
      ]),
    );
    damaged[1024] = 0x7a;
    refused(damaged, /at byte 1024/);
  });
});
