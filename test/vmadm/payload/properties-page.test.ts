import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { propertiesMarkdown } from '../../../vmadm/payload/markdown.ts';

test('docs/properties.md is what the property tables say (`vmadm help properties > docs/properties.md` renews it)', () => {
  assert.equal(readFileSync(new URL('../../../docs/properties.md', import.meta.url), 'utf8'), propertiesMarkdown());
});
