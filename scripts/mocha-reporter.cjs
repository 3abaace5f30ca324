const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

/** mocha's usual report; the counts go into the file that the reporter option `counts` names. */
module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(options.reporterOptions.counts, JSON.stringify({ passed: passes, failed: failures, pending }));
    });
  }
};
