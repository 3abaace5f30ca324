import assert from "node:assert/strict";
import { formatBytes, formatCount, formatDuration, formatInteger, formatSpeed } from "../../lib/cli/units.js";

describe("units", () => {
  it("formats durations", () => {
    const cases: [number, string][] = [
      [0, "0.00 s"],
      [6.686, "6.69 s"],
      [59.994, "59.99 s"],
      [59.999, "1 min 00 s"],
      [60, "1 min 00 s"],
      [125.4, "2 min 05 s"],
      [3599.6, "1 h 00 min"],
      [7320, "2 h 02 min"],
    ];
    for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
  });

  it("formats speeds", () => {
    assert.equal(formatSpeed(10, 4), "2.5x real time");
    assert.equal(formatSpeed(1000, 4), "250x real time");
    assert.equal(formatSpeed(0, 0), "0.0x real time");
  });

  it("formats bytes", () => {
    const cases: [number, string][] = [
      [0, "0 bytes"],
      [1, "1 byte"],
      [999, "999 bytes"],
      [1000, "1.0 kB"],
      [298_634_112, "298.6 MB"],
      [5e15, "5000.0 TB"],
    ];
    for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  });

  it("formats counts", () => {
    assert.equal(formatCount(1, "file"), "1 file");
    assert.equal(formatCount(0, "file"), "0 files");
    assert.equal(formatInteger(999), "999");
    assert.equal(formatInteger(74_650_123), "74 650 123");
  });
});
