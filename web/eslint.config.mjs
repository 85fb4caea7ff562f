/** The pages' lint rules: typescript-eslint's strict set, with types. */
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The beginning of an import that leaves the folder. */
const outside = '^\\.\\.';
const sharedOnly = 'shared/ never imports from a page.';

export default defineConfig(
  { ignores: ['dist/', 'node_modules/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './tsconfig.node.json'],
        tsconfigRootDir: fileURLToPath(new URL('.', import.meta.url)),
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      eqeqeq: 'error',
      'max-lines-per-function': ['error', { max: 60 }],
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Names come from the server: use textContent.' },
        { property: 'outerHTML', message: 'Names come from the server: use textContent.' },
        { property: 'insertAdjacentHTML', message: 'Names come from the server: use textContent.' },
      ],
    },
  },
  {
    files: ['shared/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: outside, message: sharedOnly }] }],
      'no-restricted-syntax': [
        'error',
        { selector: `ImportExpression[source.value=/${outside}/]`, message: sharedOnly },
      ],
    },
  },
  {
    // A suite is one function that holds its tests.
    files: ['**/*.test.*'],
    rules: { 'max-lines-per-function': 'off' },
  },
  {
    files: ['**/*.mjs'],
    rules: {
      // The compiler checks these files too. It knows the names of Node and the browser.
      'no-undef': 'off',
      // The types are in comments, which this rule does not read.
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['describe', 'it'] },
          ],
        },
      ],
    },
  },
);
