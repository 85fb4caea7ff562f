/** The scoreboard's own texts in each language, with those that every page has. */
import type { Language } from '#shared/language';
import { sharedMessagesIn, type Messages } from '#shared/messages';
import type { Wording } from '#shared/wording';

const es = {
  ...sharedMessagesIn.es,

  'page.title': '{contest} · Marcador en vivo',
  'page.skip': 'Saltar al marcador',
  'page.live': 'Marcador en vivo',
  'page.loading': 'Se está trayendo el marcador…',
  'page.began': 'La competencia empezó el {moment}',

  'link.stale': 'Estas cifras son de {ago}. El marcador vuelve a conectarse solo.',

  'failed.title': 'El marcador no se pudo cargar',

  'empty.title': 'Todavía no hay inscripciones',
  'empty.how': 'La primera se puede mandar desde una terminal. Aparecerá aquí al instante:',

  'board.title': 'Marcador',
  'board.total': 'Resultados contados',
  'board.winners': 'Ganadores',
  'board.losers': 'Perdedores',
  'board.rate': 'Por segundo',
  'board.rate-note': 'inscripciones aceptadas, ya guardadas en el registro',
  'board.p99': 'Respuesta p99',
  'board.p99-note': 'de cada 100 respuestas, 99 tardaron esto o menos',
  'board.lag': 'Por contar',
  'board.lag-note': 'resultados guardados que el marcador aún no suma',

  'sides.winners': 'ganadores',
  'sides.losers': 'perdedores',

  'faculties.title': 'Por facultad',
  'disciplines.title': 'Por disciplina',

  'timeline.title': 'Últimos cinco minutos',
  'timeline.rate': 'Inscripciones por segundo',
  'timeline.p99': 'Respuesta p99, milisegundos',
  'timeline.rate-max': 'Ritmo máximo',
  'timeline.rate-mean': 'Ritmo medio',
  'timeline.p99-max': 'Peor p99',
  'timeline.accepted': 'Aceptadas',
  'timeline.rejected': 'Rechazadas',
  'timeline.now': 'ahora',
  'timeline.label':
    'Gráfica de los últimos cinco minutos: inscripciones por segundo y respuesta p99. Sus cifras principales están debajo.',
  'timeline.label-rate':
    'Gráfica de los últimos cinco minutos: inscripciones por segundo. Sus cifras principales están debajo.',
  'timeline.failed': 'La gráfica no se pudo cargar. Las demás cifras siguen en vivo.',

  'breakdown.title': 'Facultad por disciplina',
  'breakdown.note': 'En cada casilla, el total; debajo, quienes ganaron y quienes perdieron.',
  'breakdown.faculty': 'Facultad',
  'breakdown.total': 'Total',

  'coin.title': 'Una moneda sellada de antemano',
  'coin.lead':
    'Ganar o perder lo decide una moneda. Esta es la huella de su semilla secreta, publicada antes de la primera inscripción:',
  'coin.what': 'Qué prueba esta huella',
  'coin.seed':
    'Al abrir la competencia se sorteó una semilla secreta y se publicó su huella. Cambiar la semilla cambiaría la huella.',
  'coin.bit':
    'Ganar o perder es un bit que se calcula con la semilla y el identificador de la inscripción. No hay otro azar, así que reintentar no cambia el resultado.',
  'coin.verify':
    'Al terminar se publica la semilla. Si su huella es esta, es la misma del principio, y cualquiera puede recalcular cada resultado con',
  'coin.full': 'La huella completa:',

  'log.title': 'Cada resultado, una sola vez',
  'log.lead':
    'El marcador se guarda junto con la posición del registro hasta la que leyó. Por eso un corte no pierde ni repite nada.',
  'log.repeated': 'reintentos reconocidos y no vueltos a contar',
  'log.where': 'Hasta dónde va la cuenta',
  'log.topic': 'Tema',
  'log.partition': 'Partición',
  'log.counted': 'Contados',
  'log.written': 'En el registro',
  'log.left': 'Por contar',

  'copy.command': 'Copiar la línea',
  'copy.commitment': 'Copiar la huella',
} as const satisfies Messages<string>;

export type MessageKey = keyof typeof es;

/** The wording that the views of the scoreboard need. */
export type PageWording = Wording<MessageKey>;

const en: Messages<MessageKey> = {
  ...sharedMessagesIn.en,

  'page.title': '{contest} · Live scoreboard',
  'page.skip': 'Skip to the scoreboard',
  'page.live': 'Live scoreboard',
  'page.loading': 'Fetching the scoreboard…',
  'page.began': 'The contest began on {moment}',

  'link.stale': 'These figures are from {ago}. The scoreboard reconnects by itself.',

  'failed.title': 'The scoreboard could not be loaded',

  'empty.title': 'No entries yet',
  'empty.how': 'The first one can be sent from a terminal. It will show up here at once:',

  'board.title': 'Score',
  'board.total': 'Results counted',
  'board.winners': 'Winners',
  'board.losers': 'Losers',
  'board.rate': 'Per second',
  'board.rate-note': 'entries accepted, already safe in the log',
  'board.p99': 'Response p99',
  'board.p99-note': 'of every 100 answers, 99 took this long or less',
  'board.lag': 'To be counted',
  'board.lag-note': 'results in the log that the score does not hold yet',

  'sides.winners': 'winners',
  'sides.losers': 'losers',

  'faculties.title': 'By faculty',
  'disciplines.title': 'By discipline',

  'timeline.title': 'Last five minutes',
  'timeline.rate': 'Entries per second',
  'timeline.p99': 'Response p99, milliseconds',
  'timeline.rate-max': 'Highest rate',
  'timeline.rate-mean': 'Mean rate',
  'timeline.p99-max': 'Worst p99',
  'timeline.accepted': 'Accepted',
  'timeline.rejected': 'Rejected',
  'timeline.now': 'now',
  'timeline.label':
    'Chart of the last five minutes: entries per second and response p99. Its main figures are below.',
  'timeline.label-rate':
    'Chart of the last five minutes: entries per second. Its main figures are below.',
  'timeline.failed': 'The chart could not be loaded. All other figures are still live.',

  'breakdown.title': 'Faculty by discipline',
  'breakdown.note': 'Each cell has the total and, below it, who won and who lost.',
  'breakdown.faculty': 'Faculty',
  'breakdown.total': 'Total',

  'coin.title': 'A coin sealed beforehand',
  'coin.lead':
    'A coin decides who wins. This is the hash of its secret seed, published before the first entry:',
  'coin.what': 'What this hash proves',
  'coin.seed':
    'When the contest opened, a secret seed was drawn and its hash was published. Another seed would have another hash.',
  'coin.bit':
    'Winning or losing is one bit computed from the seed and the entry’s id. There is no other chance in it, so trying again does not change the outcome.',
  'coin.verify':
    'At the end the seed is published. If its hash is this one, it is the seed of the beginning, and anyone can compute every outcome again with',
  'coin.full': 'The whole hash:',

  'log.title': 'Every result, once',
  'log.lead':
    'The score is stored together with the position in the log up to which it was read. So a crash neither loses nor repeats anything.',
  'log.repeated': 'retries recognised and not counted again',
  'log.where': 'How far the count has read',
  'log.topic': 'Topic',
  'log.partition': 'Partition',
  'log.counted': 'Counted',
  'log.written': 'In the log',
  'log.left': 'To be counted',

  'copy.command': 'Copy the line',
  'copy.commitment': 'Copy the hash',
};

export const messagesIn: Readonly<Record<Language, Messages<MessageKey>>> = { es, en };
