import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { run, speech, TINY, temporaryFolder } from "./support.js";

describe("lmspt evaluate", () => {
  const inside = temporaryFolder();

  it("prints a table, a row for each way to decode", async () => {
    const { status, stdout } = await run("evaluate", speech, ...TINY);
    assert.equal(status, 0);
    const rows = stdout.split("\n").filter((line) => line.startsWith("|"));
    assert.deepEqual(
      rows.map((row) => row.split(" | ")[0]),
      [
        "| speech",
        "| ---",
        "| original",
        "| all codebooks",
        "| semantic codebooks",
        "| semantic codebooks, small decoder",
      ],
    );
    assert.match(rows[3]!, /^\| all codebooks \| \d+\.\d\d \| -?\d\.\d{3} \| -?\d+\.\d \| - \|$/);
    assert.match(stdout, /1 recordings, 1 s\. Codes used: semantic \d+\.\d % \(perplexity \d+\), acoustic/);
  });

  it("prints JSON, tells of what cannot be read, and takes as many recordings as are asked for", async () => {
    const broken = inside("broken.wav");
    await writeFile(broken, "no sound");
    const { status, stdout, stderr } = await run("evaluate", speech, broken, speech, ...TINY, "--json");
    assert.equal(status, 1);
    assert.match(stderr, /broken\.wav: /);
    const result = JSON.parse(stdout) as { recordings: number; decoded: Record<string, { stoi: number }> };
    assert.equal(result.recordings, 2);
    assert.deepEqual(Object.keys(result.decoded), ["full", "semantic", "aux"]);
    const one = JSON.parse((await run("evaluate", speech, speech, ...TINY, "--json", "--items", "1")).stdout);
    assert.equal((one as { recordings: number }).recordings, 1);
  });

  it("takes the recordings of one language", async () => {
    const line = (language: string) => JSON.stringify({ audio: speech, language });
    await writeFile(inside("corpus.jsonl"), ["en", "de", "en"].map(line).join("\n"));
    const evaluate = (language: string) =>
      run("evaluate", inside("corpus.jsonl"), ...TINY, "--json", "--language", language);
    assert.equal((JSON.parse((await evaluate("en")).stdout) as { recordings: number }).recordings, 2);
    const { status, stderr } = await evaluate("fr");
    assert.equal(status, 2);
    assert.match(stderr, /in the language fr, found these languages: en, de/);
  });
});
