/** Tar archives for tests. */

export interface TestFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

/** An ustar archive; names above 100 characters become pax records, or GNU long names. */
export function tarOf(files: readonly TestFile[], longNames: "pax" | "gnu" = "pax"): Buffer {
  const parts = files.flatMap(({ name, bytes }) => {
    if (name.length <= 100) return entry(name, "0", bytes);
    const record = longNames === "gnu" ? Buffer.from(`${name}\0`) : paxRecord("path", name);
    return [...entry("long", longNames === "gnu" ? "L" : "x", record), ...entry(name.slice(0, 100), "0", bytes)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

export function entry(name: string, kind: string, bytes: Uint8Array): Buffer[] {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write(kind, 156);
  header.write("ustar\x0000", 257, "latin1");
  header.write(
    `${header
      .reduce((a, b) => a + b, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return [header, Buffer.from(bytes), Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
}

function paxRecord(key: string, value: string): Buffer {
  const body = ` ${key}=${value}\n`;
  let length = body.length;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.from(length + body);
}
