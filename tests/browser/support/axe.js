// Accessibility checks with axe-core.

import { readFile } from "node:fs/promises";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const source = await readFile(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** All violations on the page, one per line. */
export async function violations(page) {
  await page.evaluate(source);
  const found = await page.evaluate((rules) => globalThis.axe.run({ runOnly: rules }), RULES);
  // Equal colors, such as white on white, are reported as incomplete.
  const unseen = found.incomplete.map((rule) => ({
    ...rule,
    nodes: rule.nodes.filter(({ any }) => any.some(({ data }) => data?.messageKey === "equalRatio")),
  }));
  return [...found.violations, ...unseen].flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${id}: ${html}`),
  );
}
