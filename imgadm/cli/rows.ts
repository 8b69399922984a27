
export type Row = Readonly<Record<string, unknown>>;

/** An image of this node or of a source. */
export interface ShownImage {
  readonly manifest: Row;
  readonly zpool?: string;
  readonly source?: string | undefined;
  readonly clones?: readonly unknown[];
}

/** An image as the fields that can be shown, sorted by and filtered: its manifest's, and computed ones (reference §1.2). */
export function rowOf(image: ShownImage): Row {
  const { manifest } = image;
  const publishedAt = typeof manifest['published_at'] === 'string' ? manifest['published_at'] : undefined;
  return {
    ...manifest,
    ...(publishedAt === undefined
      ? {}
      : { pub: publishedAt.slice(0, 10), published_date: publishedAt.slice(0, 10), published: publishedAt.replace(/\.\d+Z$/, 'Z') }),
    source: image.source,
    ...(image.clones === undefined ? {} : { clones: image.clones.length }),
    ...(image.zpool === undefined ? {} : { zpool: image.zpool }),
    size: sizeOf(manifest),
    ...(manifest['type'] === 'docker' ? dockerFields(tagsOf(manifest)) : {}),
  };
}

/** Rows of `list --docker`: images that are nobody's origin, one row for each of their tags. */
export function dockerRows(rows: readonly Row[]): Row[] {
  const origins = new Set(rows.map((row) => row['origin']));
  return rows
    .filter((row) => !origins.has(row['uuid']))
    .flatMap((row) => {
      const tags = (row['docker_tags'] as readonly string[] | undefined) ?? [];
      const shared = { ...row, repository: row['docker_repo'], image_id: row['docker_short_id'], created: row['pub'] };
      return tags.length === 0 ? [shared] : tags.map((tag) => ({ ...shared, tag }));
    });
}

function dockerFields(tags: Row): Row {
  const id = typeof tags['docker:id'] === 'string' ? tags['docker:id'] : undefined;
  return {
    docker_id: id,
    docker_short_id: id?.replace(/^sha256:/, '').slice(0, 12),
    docker_repo: tags['docker:repo'],
    docker_tags: Object.keys(tags)
      .filter((key) => key.startsWith('docker:tag:') && tags[key] !== false)
      .map((key) => key.slice('docker:tag:'.length)),
  };
}

function tagsOf(manifest: Row): Row {
  const tags = manifest['tags'];
  return typeof tags === 'object' && tags !== null ? (tags as Row) : {};
}

function sizeOf(manifest: Row): unknown {
  const files = manifest['files'];
  return Array.isArray(files) ? (files[0] as { size?: number } | undefined)?.size : undefined;
}
