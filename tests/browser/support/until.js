// Tests wait for conditions, not for fixed times.

/** Polls `condition` until it is truthy, and returns its value. */
export async function until(what, condition, timeout = 20_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const result = await condition();
    if (result) {
      return result;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${timeout} ms for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
