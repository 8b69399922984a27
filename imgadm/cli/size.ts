const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size for people, with one decimal that is cut off and not rounded: `2.8 MiB`; zero is `0 B` (reference §1.4). */
export function sizeText(bytes: number): string {
  if (bytes === 0) return '0 B';
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(Math.trunc((bytes / 1024 ** unit) * 10) / 10).toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** How far a transfer is, as a text for each whole percent that it reaches; undefined between those. */
export function newMeter(): (done: number, size: number) => string | undefined {
  let last = -1;
  return (done, size) => {
    const percent = size === 0 ? 100 : Math.floor((100 * done) / size);
    if (percent === last) return undefined;
    last = percent;
    return `${sizeText(done)} of ${sizeText(size)}, ${percent}%`;
  };
}
