/**
 * The texts that every page has, in each language, and how values go into a text.
 *
 * `{name}` marks a place that `fill` fills. A page adds its own texts to these.
 */
import type { Language } from './language';

/** One text for each key. */
export type Messages<Key extends string> = Readonly<Record<Key, string>>;

const es = {
  'page.controls': 'Idioma y tema',
  'page.switch-language': 'English',
  'page.dark-theme': 'Tema oscuro',

  'link.connecting': 'Conectando',
  'link.live': 'En vivo',
  'link.reconnecting': 'Reconectando',
  'link.offline': 'Sin conexión',
  'link.age': 'datos de {ago}',

  'failed.unreachable': 'El servidor no responde.',
  'failed.refused': 'El servidor respondió con un error {status}.',
  'failed.unreadable': 'El servidor respondió algo que esta página no entiende.',
  'failed.retrying': 'Se intenta de nuevo cada pocos segundos, sin que haga falta recargar.',
  'failed.retry': 'Intentar ahora',

  'copy.done': 'Copiado',
  'copy.selected': 'Seleccionado: cópialo con Ctrl+C',
} as const satisfies Messages<string>;

export type SharedKey = keyof typeof es;

const en: Messages<SharedKey> = {
  'page.controls': 'Language and theme',
  'page.switch-language': 'Español',
  'page.dark-theme': 'Dark theme',

  'link.connecting': 'Connecting',
  'link.live': 'Live',
  'link.reconnecting': 'Reconnecting',
  'link.offline': 'Offline',
  'link.age': 'data from {ago}',

  'failed.unreachable': 'The server does not answer.',
  'failed.refused': 'The server answered with an error {status}.',
  'failed.unreadable': 'The server answered something this page does not understand.',
  'failed.retrying': 'It is tried again every few seconds, with no need to reload.',
  'failed.retry': 'Try now',

  'copy.done': 'Copied',
  'copy.selected': 'Selected: copy it with Ctrl+C',
};

export const sharedMessagesIn = { es, en } as const satisfies Readonly<
  Record<Language, Messages<SharedKey>>
>;

/** Puts each value in its `{place}`. A place without a value stays as it is. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) => values[name] ?? place);
}
