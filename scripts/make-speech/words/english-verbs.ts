/** English verbs in their base form; past tenses are regular or listed in `english-forms.ts`. */
import { words } from "./words.js";

/** What somebody does to a thing. */
export const HANDLING = words(`
carry lift drop push pull throw catch kick hit break mend repair build paint clean wash dry polish sweep fold open close
lock hide find lose steal buy sell lend borrow rent keep bring take send fetch deliver collect gather choose pick hold
grab touch move turn raise lower fill empty cover wrap tie cut tear bend twist stretch measure weigh count draw sketch
photograph film record describe examine inspect study admire notice recognize remember forget mention offer order
receive accept refuse return replace exchange destroy burn bury dig plant water guard protect save rescue watch follow
chase lead drag shake stir mix spill pour use try test need want like love hate enjoy prefer design invent discover
display sort label stack unload pack unpack decorate sharpen copy print share`);

/** What somebody does to a person or an animal. */
export const MEETING = words(`
meet greet visit invite welcome thank help teach train feed call follow lead chase watch hear see know remember trust
warn advise comfort encourage praise blame accuse forgive punish surprise frighten annoy tease amuse entertain calm wake
admire respect love miss find rescue protect guide accompany convince persuade question interrupt ignore avoid leave
join marry hug photograph draw paint describe mention recognize understand`);

/** What somebody does about an idea. */
export const THINKING = words(`
discuss explain understand forget remember accept reject defend consider suggest propose support question ignore doubt
regret announce celebrate describe mention study solve create change improve develop present publish review finish
begin start continue delay cancel expect fear hate love enjoy imagine recall repeat simplify analyze compare predict
deny admit reveal discover notice organize prepare arrange`);

/** What somebody does without an object. */
export const ACTING = words(`
sleep wake rest wait stand sit lie run walk jump swim climb crawl dance sing laugh cry smile frown shout whisper talk
speak listen read write draw work study play practice travel wander return arrive leave disappear fall rise sneeze cough
snore yawn breathe eat drink cook dream think wonder worry hesitate complain argue agree apologize pray hurry stumble
slip tremble shiver blush grow change improve fail succeed win lose nod wave bow kneel whistle hum march gallop float
sink drift dive skate ski sail fly land`);

/** What nature and machines do. */
export const HAPPENING = words(`
stop start begin end continue fail break crack shake tremble fall rise turn spin roll slide move vanish appear burn glow
shine fade melt freeze boil explode collapse rattle rumble creak squeak ring buzz hum leak drip overflow sink float dry
rust rot grow bloom ripen open close change improve happen`);
