// @ts-check

/**
 * A remembered choice; null where there is none or storage is closed to us.
 * @param {string} name
 * @returns {string | null}
 */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * Remember a choice; null forgets it. Without storage the choice lasts as long as the page.
 * @param {string} name
 * @param {string | null} value
 */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    console.info(`${name} is not kept: storage is closed`);
  }
}
