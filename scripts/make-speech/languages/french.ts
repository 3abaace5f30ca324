import type { Grammar } from "../grammar.js";
import { phrases, words } from "../words/words.js";

export const FRENCH: Grammar = {
  sentence: [
    "{who} {does} {what} {where?}.",
    "{who} {does} {what} {when}.",
    "{when}, {who} {does} {what} {where?}.",
    "{who} {acts} {where} et {who} {acts} {where}.",
    "pourquoi est-ce que {who} {does} {what}?",
    "{who} dit que c'est {quality}.",
    "{who} pense que ce n'est pas {quality}, mais {who} {acts}.",
    "il y a {number} {many} {where}.",
    "{where}, {who} {acts} {when?}.",
  ],
  who: phrases(`
    le professeur\nle vieil homme\nla jeune femme\nl'enfant\nma sœur\nnotre voisin\nle médecin\nle boulanger\nle jardinier
    la reine\nle chien\nle chat noir\nle cheval blanc\nmon frère\nsa tante\nson oncle\nla maîtresse\nle petit garçon
    la fille joyeuse\nle chauffeur\nla chanteuse\nle policier\nla grand-mère\nle grand-père\nun étranger\nune amie
    le pêcheur\nle juge\nla fermière\nl'oiseau\nle renard\nla souris`),
  does: words(`cherche trouve achète vend porte apporte peint dessine nettoie lave ouvre ferme regarde écoute connaît aime
    prend oublie perd montre répare cache décrit donne photographie garde partage prépare admire jette`),
  what: phrases(`
    la clé\nla porte\nla fenêtre\nla pomme rouge\nla bouteille verte\nle vieux livre\nune longue lettre\nune belle fleur
    un nouveau vélo\nla lourde caisse\nla table ronde\nle petit bateau\nla montre en or\nle manteau\nle pont\ndeux œufs
    beaucoup de poissons\ndu pain frais\nde l'eau froide\nde la soupe chaude\nla voiture\nle journal\nle tableau
    un chapeau\nune lampe\nun couteau\nla chaise\nla chanson\nl'histoire\nle ballon\nle tambour\nles chaussures`),
  acts: words("dort attend chante danse rit pleure travaille lit écrit joue court saute nage rêve cuisine"),
  where: phrases(`
    dans le jardin\ndans la cuisine\nsur la montagne\nau bord de la rivière\nderrière la maison\ndevant l'école
    sous le pont\ndans la forêt\nen ville\nau marché\nà côté de l'église\ndans le train\nà la gare\ndans la rue
    à la cave\ndans un village\nentre les arbres\nà la plage\nau musée\ndans l'atelier\nprès du port`),
  when: phrases(`
    le matin\nle soir\nla nuit\nen hiver\nen été\nle lundi\nle vendredi\ntous les jours\naprès le repas\nà huit heures
    avant la fête\nen janvier\nen octobre\nchaque semaine\nle dimanche\ndepuis hier`),
  quality:
    words(`facile difficile important possible impossible utile inutile étrange simple dangereux magnifique terrible
    normal rare juste faux nouveau amusant triste drôle prudent certain`),
  number: words("deux trois quatre cinq six sept huit neuf dix onze douze treize vingt trente quarante cinquante cent"),
  many: words(`maisons arbres livres oiseaux enfants bateaux ponts fleurs fenêtres rues chevaux étoiles lumières tables
    portes`),
};
