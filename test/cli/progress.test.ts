import assert from "node:assert/strict";
import { startBatchProgress } from "../../lib/cli/batch-progress.js";
import { startDownloadProgress } from "../../lib/cli/download-progress.js";
import { main } from "../../lib/cli/main.js";
import { FileSource } from "../../lib/cli/sources.js";
import { captureTerminal, speech, TINY, temporaryFolder } from "./support.js";

const job = {
  input: "speech.wav",
  output: "speech.lmspt",
  name: "speech",
  source: new FileSource("speech.wav"),
};
const result = { seconds: 10, workSeconds: 2, summary: "125 frames" };

describe("batch progress", () => {
  const at = temporaryFolder();

  it("is a bar with speed on a terminal, which is gone at the end", async () => {
    const terminal = captureTerminal(true);
    const status = await main(["encode", speech, "-o", at("speech.lmspt"), ...TINY], terminal);
    assert.equal(status, 0);
    assert.match(terminal.stderr.text, /=+-* \d+ % .*\d+\.\dx real time .*speech-1s\.wav/);
    assert.match(
      terminal.stderr.text,
      /\nEncoded 1 of 1 file: [^\n]*\n$|\rEncoded 1 of 1 file: [^\n]*\n$|Encoded 1 of 1/,
    );
    assert.equal(terminal.stdout.text, "");
  });

  it("counts several files and the part of the current one", () => {
    const terminal = captureTerminal(true);
    const progress = startBatchProgress(terminal, 4, false);
    progress.begin(job);
    progress.end(job, result);
    progress.begin(job);
    progress.advance(job, 5, 10);
    progress.stop();
    assert.match(terminal.stderr.text, / 37 % {2}1\/4 files {2}\d+(\.\d)?x real time {2}speech\.wav/);
  });

  it("is a line for every file elsewhere", () => {
    const terminal = captureTerminal();
    const progress = startBatchProgress(terminal, 2, false);
    progress.begin(job);
    progress.advance(job, 5, 10);
    progress.end(job, result);
    progress.end({ ...job, input: "broken.wav" }, undefined);
    progress.stop();
    assert.equal(
      terminal.stderr.text,
      "speech.wav -> speech.lmspt: 125 frames, 10.00 s, 5.0x real time\nbroken.wav -> failed\n",
    );
  });

  it("is silent when asked", () => {
    for (const isTTY of [true, false]) {
      const terminal = captureTerminal(isTTY);
      const progress = startBatchProgress(terminal, 2, true);
      progress.begin(job);
      progress.advance(job, 5, 10);
      progress.end(job, result);
      progress.stop();
      assert.equal(terminal.stderr.text, "");
    }
  });
});

describe("download progress", () => {
  it("is a bar on a terminal", () => {
    const terminal = captureTerminal(true);
    const { listener, stop } = startDownloadProgress(terminal, false);
    listener(0, 2e6);
    listener(1e6, 2e6);
    stop();
    assert.match(terminal.stderr.text, /Downloading =+-+ 50 % {2}1\.0 MB of 2\.0 MB/);
  });

  it("counts bytes where the length is not known", () => {
    const terminal = captureTerminal(true);
    const { listener, stop } = startDownloadProgress(terminal, false);
    listener(1500, undefined);
    stop();
    assert.match(terminal.stderr.text, /Downloading 1\.5 kB/);
  });

  it("is one line elsewhere", () => {
    const terminal = captureTerminal();
    const { listener, stop } = startDownloadProgress(terminal, false);
    listener(0, 2e6);
    listener(1e6, 2e6);
    stop();
    assert.equal(terminal.stderr.text, "Downloading the model (2.0 MB)\n");
  });

  it("is silent when asked, and when nothing is downloaded", () => {
    for (const isTTY of [true, false]) {
      const terminal = captureTerminal(isTTY);
      const quiet = startDownloadProgress(terminal, true);
      quiet.listener(1, 2);
      quiet.stop();
      startDownloadProgress(terminal, false).stop();
      assert.equal(terminal.stderr.text, "");
    }
  });
});
