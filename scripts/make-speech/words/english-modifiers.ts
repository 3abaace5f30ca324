/** English adjectives, adverbs, names, numbers and times. */
import { words } from "./words.js";

export const ADJECTIVES = words(`
big small large little tiny huge enormous great tall short long wide narrow thick thin deep shallow high low heavy light
strong weak hard soft smooth rough sharp blunt flat round square straight crooked hollow solid full empty open closed hot
warm cool cold wet dry dirty clean dusty muddy sticky slippery shiny dull bright dark pale red blue green yellow orange
purple pink brown black white gray golden silver crimson scarlet violet old young new ancient modern fresh rotten ripe
raw sweet sour bitter salty spicy delicious tasty quiet loud noisy silent fast slow quick sudden gentle fierce wild tame
brave timid shy bold proud humble polite rude kind cruel honest clever foolish wise silly serious funny cheerful gloomy
happy sad angry calm nervous lazy busy tired sleepy hungry thirsty sick healthy rich poor famous unknown strange
familiar ordinary special rare common perfect broken useful useless valuable cheap expensive beautiful ugly pretty
handsome elegant clumsy graceful careful careless patient curious jealous grateful lonely friendly hostile secret public
private local foreign distant nearby northern southern eastern western central wooden plastic metal paper woolen leather
frozen burning floating flying hidden missing forgotten favorite final first second third last early late recent future
simple complex difficult easy dangerous safe important urgent possible strange magical mysterious peaceful violent
crowded deserted comfortable awkward delicate fragile sturdy rusty faded striped spotted colorful transparent invisible
gigantic miniature twisted tangled wrinkled furry feathered stubborn loyal generous greedy innocent guilty talented`);

/** For ideas. */
export const QUALITIES = words(`
good bad new old simple complicated difficult easy strange common rare clear vague brilliant terrible wonderful awful
interesting boring exciting dangerous important serious funny sad secret famous forgotten final first last next early
recent sudden unexpected possible impossible certain uncertain honest foolish clever useful useless perfect careful
expensive popular ancient modern legal political personal public private foreign local national scientific historical
practical careless remarkable ridiculous reasonable unusual original technical temporary permanent`);

export const MANNERS = words(`
quickly slowly quietly loudly softly gently carefully carelessly happily sadly angrily calmly nervously proudly politely
rudely kindly cruelly honestly cleverly foolishly bravely suddenly finally secretly openly easily gladly patiently
eagerly gracefully clumsily neatly badly perfectly silently deliberately accidentally cheerfully anxiously thoughtfully
seriously lazily instantly gradually repeatedly steadily firmly tightly briefly cautiously curiously generously
enthusiastically reluctantly surprisingly successfully`);

export const FREQUENCIES = words("always usually often sometimes rarely seldom never hardly still already frequently");

export const NAMES = words(`
Alice Arthur Anna Albert Barbara Benjamin Bridget Carl Catherine Charlotte Clara Daniel David Diana Dorothy Edward Eleanor
Elizabeth Emily Emma Ethan Felix Florence Frank Frederick George Grace Hannah Harold Harriet Helen Henry Hugo Ida Irene
Isaac Isabel Jack Jacob James Jane Jasper Joan John Joseph Judith Julia Karen Kevin Laura Leonard Lewis Lily Louise Lucas
Lucy Mabel Margaret Maria Mark Martha Martin Mary Matilda Matthew Michael Miriam Monica Nancy Nathan Nicholas Nora Oliver
Olivia Oscar Patricia Paul Peter Philip Rachel Ralph Rebecca Richard Robert Rosa Rupert Ruth Samuel Sarah Simon Sophia
Stephen Susan Sylvia Teresa Theodore Thomas Ursula Victor Victoria Vincent Walter William Winifred Zoe`);

export const CITIES = words(`
London Paris Berlin Rome Madrid Vienna Lisbon Dublin Athens Oslo Stockholm Helsinki Warsaw Prague Budapest Moscow Cairo
Nairobi Lagos Tokyo Beijing Bangkok Delhi Sydney Melbourne Toronto Montreal Boston Chicago Denver Seattle Dallas Atlanta
Phoenix Havana Lima Santiago Bombay Hamburg Munich Milan Venice Naples Barcelona Geneva Zurich Edinburgh Glasgow Bristol
Canada Mexico Brazil Chile Peru Norway Sweden Finland Denmark Poland Spain Portugal Italy Greece Turkey Egypt Kenya India
China Japan Australia Scotland Ireland Iceland`);

export const MONTHS = words("January February March April May June July August September October November December");
export const DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday");

const UNITS = words("one two three four five six seven eight nine");
const TENS = words("twenty thirty forty fifty sixty seventy eighty ninety");
const TEENS = words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen");

/** Two to ninety-nine. */
export const NUMBERS = [
  ...UNITS.slice(1),
  ...TEENS,
  ...TENS.flatMap((ten) => [ten, ...UNITS.map((unit) => `${ten}-${unit}`)]),
];

export const ORDINALS = words(`
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth thirtieth`);
