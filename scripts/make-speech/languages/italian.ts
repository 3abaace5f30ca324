import type { Grammar } from "../grammar.js";
import { phrases, words } from "../words/words.js";

export const ITALIAN: Grammar = {
  sentence: [
    "{who} {does} {what} {where?}.",
    "{who} {does} {what} {when}.",
    "{when}, {who} {does} {what} {where?}.",
    "{who} {acts} {where} e {who} {acts} {where}.",
    "perché {who} {does} {what}?",
    "{who} dice che è {quality}.",
    "{who} pensa che non sia {quality}, ma {who} {acts}.",
    "ci sono {number} {many} {where}.",
    "{where} {acts} {who} {when?}.",
  ],
  who: phrases(`
    il professore\nil vecchio signore\nla giovane donna\nil bambino\nmia sorella\nil nostro vicino\nil medico\nil fornaio
    il giardiniere\nla regina\nil cane\nil gatto nero\nil cavallo bianco\nmio fratello\nsua zia\nsuo zio\nla maestra
    il ragazzo\nla ragazza allegra\nl'autista\nla cantante\nil poliziotto\nla nonna\nil nonno\nuno straniero\nun'amica
    il pescatore\nil giudice\nla contadina\nl'uccello\nla volpe\nil topo`),
  does: words(`cerca trova compra vende porta prende dipinge disegna pulisce lava apre chiude guarda ascolta conosce ama
    dimentica perde mostra ripara nasconde descrive regala fotografa conserva divide prepara ammira getta`),
  what: phrases(`
    la chiave\nla porta\nla finestra\nla mela rossa\nla bottiglia verde\nil vecchio libro\nuna lunga lettera\nun bel fiore
    una bicicletta nuova\nla scatola pesante\nil tavolo rotondo\nla piccola barca\nl'orologio d'oro\nil cappotto\nil ponte
    due uova\nmolti pesci\nil pane fresco\nl'acqua fredda\nla zuppa calda\nla macchina\nil giornale\nil quadro\nun cappello
    una lampada\nun coltello\nla sedia\nla canzone\nla storia\nla palla\nil tamburo\nle scarpe`),
  acts: words("dorme aspetta canta balla ride piange lavora legge scrive gioca corre salta nuota sogna cucina"),
  where: phrases(`
    nel giardino\nin cucina\nin montagna\nvicino al fiume\ndietro la casa\ndavanti alla scuola\nsotto il ponte\nnel bosco
    in città\nal mercato\naccanto alla chiesa\nsul treno\nalla stazione\nper strada\nin cantina\nin un villaggio
    tra gli alberi\nsulla spiaggia\nal museo\nin officina\nvicino al porto`),
  when: phrases(`
    la mattina\nla sera\ndi notte\nin inverno\nin estate\nil lunedì\nil venerdì\nogni giorno\ndopo pranzo\nalle otto
    prima della festa\na gennaio\na ottobre\nogni settimana\nla domenica\nda ieri`),
  quality: words(`facile difficile importante possibile impossibile utile inutile strano semplice pericoloso magnifico
    terribile normale raro giusto falso nuovo divertente triste buffo prudente sicuro`),
  number: words(
    "due tre quattro cinque sei sette otto nove dieci undici dodici tredici venti trenta quaranta cinquanta cento",
  ),
  many: words("case alberi libri uccelli bambini barche ponti fiori finestre strade cavalli stelle luci tavoli porte"),
};
