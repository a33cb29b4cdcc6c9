// What the tests of the page ask of it, run by the browser.

/** How many elements of each name the page has. */
globalThis.elements = () => {
  const counts = {};
  for (const { localName } of document.querySelectorAll('body *'))
    counts[localName] = (counts[localName] ?? 0) + 1;
  return counts;
};

/** The names of all attributes within the page of the fleet. */
globalThis.attributes = () => [
  ...new Set(
    Array.from(document.querySelectorAll('.fleet *'), (element) => element.getAttributeNames()).flat(),
  ),
];

/** The texts of all paragraphs, each with its `title`. */
globalThis.texts = () =>
  Array.from(document.querySelectorAll('p'), ({ textContent, title }) => [textContent, title]);

/** The table as one reads it: of each group the reason, then the cells of its guests. */
globalThis.table = () =>
  Array.from(document.querySelectorAll('.fleet tbody'), (group) =>
    Array.from(group.querySelectorAll('th > b, td'), ({ textContent }) =>
      textContent.replaceAll(/\s+/g, ' ').trim(),
    ),
  );

/** How many separate spots of each colour a picture has, whatever is nearly white left out. */
globalThis.spots = async (png) => {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const isInk = (at) => data[4 * at] < 240 || data[4 * at + 1] < 240;
  const seen = new Uint8Array(width * height);
  const counts = {};
  for (let start = 0; start < width * height; start++) {
    if (seen[start] || !isInk(start)) continue;
    const colour = data.slice(4 * start, 4 * start + 3).join();
    counts[colour] = (counts[colour] ?? 0) + 1;
    for (const left = [start]; left.length > 0; ) {
      const at = left.pop();
      if (at < 0 || at >= seen.length || seen[at] || !isInk(at)) continue;
      seen[at] = 1;
      if (at % width > 0) left.push(at - 1);
      if (at % width < width - 1) left.push(at + 1);
      left.push(at - width, at + width);
    }
  }
  return counts;
};

/** The least contrast of a text with what is behind it, by WCAG's formula; `ground` is what is behind the page. */
globalThis.leastContrast = (ground) => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    if (element === null) return ground;
    const { backgroundColor } = getComputedStyle(element);
    return channels(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const hasText = ({ childNodes }) =>
    Array.from(childNodes).some(({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim() !== '');
  const contrasts = Array.from(document.querySelectorAll('.fleet *'))
    .filter((element) => hasText(element) && element.closest('svg') === null)
    .map((element) => {
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
  return Math.min(...contrasts);
};
