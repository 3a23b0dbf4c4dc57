import { access, constants, stat } from 'node:fs/promises';
import { messageOf, PosternError } from '../errors.ts';

/**
 * How many bytes each of these files has. All are looked at before the first is taken in: what was imported would else go untold
 * for one name that is misspelt.
 *
 * @throws PosternError `invalid_request` for one that cannot be read.
 */
export async function inputFiles(
  files: readonly string[],
): Promise<{ readonly file: string; readonly size: number }[]> {
  const found: { readonly file: string; readonly size: number }[] = [];
  for (const file of files) {
    try {
      await access(file, constants.R_OK);
      const about = await stat(file);
      if (about.isDirectory()) throw new Error('it is a folder: name the files in it');
      found.push({ file, size: about.size });
    } catch (cause) {
      throw new PosternError('invalid_request', `${file} cannot be read: ${messageOf(cause)}`, { cause });
    }
  }
  return found;
}
