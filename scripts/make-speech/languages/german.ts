import type { Grammar } from "../grammar.js";
import { phrases, words } from "../words/words.js";

export const GERMAN: Grammar = {
  sentence: [
    "{who} {does} {what} {where?}.",
    "{who} {does} {what} {when}.",
    "heute {does} {who} {what}.",
    "{when} {does} {who} {what} {where?}.",
    "{who} {acts} {where}, und {who} {acts} {where}.",
    "warum {does} {who} {what}?",
    "{who} sagt, dass es {quality} ist.",
    "{who} ist {quality}, aber {who} ist {quality}.",
    "{where} {acts} {who} {when?}.",
    "es gibt {number} {many} {where}.",
    "{number} und {number} ist nicht {number}.",
  ],
  who: phrases(`
    der Lehrer\nder alte Mann\ndie junge Frau\ndas Kind\nmeine Schwester\nunser Nachbar\ndie Ärztin\nder Bäcker
    der Gärtner\ndie Königin\nder Hund\ndie schwarze Katze\ndas weiße Pferd\nmein Bruder\nihre Tante\nsein Onkel
    die Lehrerin\nder kleine Junge\ndas fröhliche Mädchen\nder müde Fahrer\ndie Sängerin\nder Polizist\ndie Großmutter
    der Großvater\nein Fremder\neine Freundin\nder Fischer\nder Richter\ndie Bäuerin\nder Vogel\nder Fuchs\ndie Maus`),
  does: words(`sucht findet kauft verkauft trägt holt bringt malt zeichnet putzt wäscht öffnet schließt sieht hört kennt
    liebt braucht nimmt vergisst verliert zeigt repariert versteckt beschreibt verschenkt fotografiert behält teilt`),
  what: phrases(`
    den Schlüssel\ndie Tür\ndas Fenster\nden roten Apfel\ndie grüne Flasche\ndas alte Buch\neinen langen Brief
    eine schöne Blume\nein neues Fahrrad\ndie schwere Kiste\nden runden Tisch\ndas kleine Boot\ndie goldene Uhr\nden Mantel
    die Brücke\nzwei Eier\nviele Fische\nfrisches Brot\nkaltes Wasser\nheiße Suppe\nden Wagen\ndie Zeitung\ndas Bild
    einen Hut\neine Lampe\nein Messer\nden Stuhl\ndas Lied\ndie Geschichte\nden Ball\ndie Trommel\nkeine Schuhe`),
  acts: words(
    "schläft wartet singt tanzt lacht weint arbeitet liest schreibt spielt läuft springt schwimmt träumt kocht",
  ),
  where: phrases(`
    im Garten\nin der Küche\nauf dem Berg\nam Fluss\nhinter dem Haus\nvor der Schule\nunter der Brücke\nim Wald
    in der Stadt\nauf dem Markt\nneben der Kirche\nim Zug\nam Bahnhof\nauf der Straße\nim Keller\nin einem Dorf
    zwischen den Bäumen\nam Strand\nim Museum\nin der Werkstatt\nüber den Wolken\nan der Küste`),
  when: phrases(`
    am Morgen\nam Abend\nin der Nacht\nim Winter\nim Sommer\nam Montag\nam Freitag\njeden Tag\nnach dem Essen\num acht Uhr
    vor dem Fest\nim Januar\nim Oktober\njede Woche\nam Sonntag\nseit gestern`),
  quality:
    words(`müde fröhlich traurig schnell langsam klug mutig ruhig laut leise krank gesund hungrig durstig freundlich
    böse stolz reich arm seltsam wichtig schwierig einfach gefährlich schön hässlich neu alt kalt warm`),
  number: words(
    `zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn zwanzig dreißig vierzig fünfzig hundert`,
  ),
  many: words(
    `Häuser Bäume Bücher Vögel Kinder Schiffe Brücken Blumen Fenster Straßen Pferde Sterne Lichter Tische Türen`,
  ),
};
