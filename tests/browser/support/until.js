// Tests wait for conditions, never for a time to pass.

/** Asks again and again until `condition` holds, and returns what it gave. */
export async function until(what, condition, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const result = await condition();
    if (result) {
      return result;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${patience} ms for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
