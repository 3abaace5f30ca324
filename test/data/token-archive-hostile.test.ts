import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../../lib/data/crc32c.js";
import { sealLine } from "../../lib/data/sealed-lines.js";
import { TokenArchive } from "../../lib/data/token-archive.js";
import { TokenArchiveWriter } from "../../lib/data/token-archive-writer.js";
import { validateTokens } from "../../lib/data/tokens.js";
import {
  isFormatError,
  makeTokens,
  mutate,
  randomNumbers,
  requireCleanOutcome,
  SPEC,
  useTemporaryFolder,
} from "./support.js";

/** Puts right the checksum of every line, so that changed members get past it. */
function reseal(bytes: Buffer): Buffer {
  const lines = bytes.toString("latin1").split("\n");
  const sealed = lines.map((line) => {
    const at = line.lastIndexOf(',"check":"');
    if (at < 0) return line;
    const check = crc32c(Buffer.from(line.slice(0, at), "latin1"))
      .toString(16)
      .padStart(8, "0");
    return `${line.slice(0, at)},"check":"${check}"}`;
  });
  return Buffer.from(sealed.join("\n"), "latin1");
}

/** Opens in every way there is and reads everything; whether the strict way found all intact. */
async function readInEveryWay(folder: string, context: string): Promise<boolean> {
  const strict = await requireCleanOutcome(() => readAll(folder, false), `${context}, strict`);
  await requireCleanOutcome(() => readAll(folder, true), `${context}, recovering`);
  await requireCleanOutcome(async () => {
    await using writer = await TokenArchiveWriter.open(folder, SPEC);
    await writer.append("new", makeTokens(2));
  }, `${context}, adding`);
  return strict;
}

async function readAll(folder: string, recover: boolean): Promise<void> {
  const archive = await TokenArchive.open(folder, { recover });
  for (const { name } of archive.entries) {
    assert.doesNotMatch(name, /\.\.\/|^\/|\\/);
    if (recover) await requireCleanOutcome(() => archive.get(name), name);
    else validateTokens(await archive.get(name));
  }
}

describe("hostile token archives", function () {
  this.timeout(120_000);
  const inFolder = useTemporaryFolder();
  const files = ["index.jsonl", "tokens-00000.lmspts", "tokens-00001.lmspts"];
  let original: string;

  beforeEach(async () => {
    original = inFolder("original");
    await using writer = await TokenArchiveWriter.open(original, SPEC, { shardBytes: 4096 });
    for (let i = 0; i < 6; i++) await writer.append(`deep/${i}`, makeTokens(60 + i, SPEC, i), { source: `${i}` });
  });

  const spoiled = (file: string, bytes: Uint8Array): string => {
    const folder = inFolder("spoiled");
    rmSync(folder, { recursive: true, force: true });
    cpSync(original, folder, { recursive: true });
    writeFileSync(join(folder, file), bytes);
    return folder;
  };

  for (const [way, change] of [
    ["", (bytes: Buffer) => bytes],
    [" with checksums put right", reseal],
  ] as const) {
    it(`300 mutations${way} give a result or a typed error`, async () => {
      const random = randomNumbers(way.length + 1);
      let refused = 0;
      for (let i = 0; i < 300; i++) {
        const file = way ? files[0]! : files[i % files.length]!;
        let bytes = mutate(readFileSync(join(original, file)), random);
        while (bytes.length > 8 && random(3) === 0) bytes = mutate(bytes, random);
        if (!(await readInEveryWay(spoiled(file, change(bytes)), `mutation ${i}`))) refused++;
      }
      assert.ok(refused > (way ? 100 : 200), `${refused} refused`);
    });
  }

  it("lines of wrong members give a typed error with the line's offset", async () => {
    const [header = "", first = ""] = readFileSync(join(original, "index.jsonl"), "utf8").split("\n");
    const entry = JSON.parse(first);
    const values = [undefined, null, -1, 1.5, "1", 2 ** 53, 1e300, [], {}, "../x", "/etc/passwd", true];
    let refused = 0;
    for (const member of ["name", "samples", "shard", "offset", "bytes", "source"]) {
      for (const value of values) {
        const { check: _, ...changed } = { ...entry, [member]: value };
        const folder = spoiled("index.jsonl", Buffer.from(`${header}\n${sealLine(changed)}`));
        const open = TokenArchive.open(folder);
        const outcome = await open.then(
          () => "opened",
          (error) => isFormatError(/Line 2 .* is not valid/, Buffer.byteLength(header) + 1)(error) && "refused",
        );
        if (outcome === "refused") refused++;
        else await readInEveryWay(folder, `${member} ${value}`);
      }
    }
    assert.ok(refused > 55, `${refused} refused`);
  });

  it("headers of wrong members give a typed error", async () => {
    const header = JSON.parse(readFileSync(join(original, "index.jsonl"), "utf8").split("\n")[0]!);
    for (const member of Object.keys(header).filter((name) => name !== "check")) {
      for (const value of [undefined, null, -1, 2 ** 40, "", "x", [], {}]) {
        const { check: _, ...changed } = { ...header, [member]: value };
        const folder = spoiled("index.jsonl", Buffer.from(sealLine(changed)));
        await requireCleanOutcome(() => TokenArchive.open(folder), `${member} ${JSON.stringify(value)}`);
      }
    }
  });

  it("an index of nothing but line ends or one endless line is read in linear time", async () => {
    for (const unit of ["\n", "x", '{"check":"', "\0"]) {
      const header = readFileSync(join(original, "index.jsonl"), "utf8").split("\n")[0]!;
      const bytes = Buffer.from(`${header}\n${unit.repeat(300_000 / unit.length)}\n`);
      await readInEveryWay(spoiled("index.jsonl", bytes), JSON.stringify(unit));
    }
  });

  it("a shard that is a folder gives a typed error", async () => {
    const folder = spoiled("index.jsonl", readFileSync(join(original, "index.jsonl")));
    rmSync(join(folder, files[1]!));
    mkdirSync(join(folder, files[1]!));
    await readInEveryWay(folder, "a folder");
  });
});
