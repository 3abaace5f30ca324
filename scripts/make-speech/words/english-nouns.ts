/** English nouns, in the singular; their plurals are regular or listed in `english-forms.ts`. */
import { words } from "./words.js";

export const PEOPLE = words(`
teacher doctor farmer sailor painter baker butcher carpenter driver pilot nurse lawyer judge soldier captain singer
dancer writer poet actor student pupil neighbor stranger visitor traveler merchant banker clerk waiter cook gardener
shepherd hunter fisherman miner builder plumber tailor barber printer engineer chemist scientist professor librarian
reporter editor mayor minister president king queen prince princess knight guard porter servant sister brother mother
father uncle aunt cousin grandmother grandfather daughter son nephew niece husband wife child baby boy girl man woman
friend enemy partner guest host leader member player runner swimmer climber skater juggler magician wizard witch thief
detective witness inspector officer fireman postman messenger dentist surgeon patient priest monk nun pirate hero
villain giant dwarf beggar widow orphan twin champion coach referee musician drummer violinist conductor composer
sculptor architect inventor explorer astronaut mechanic welder weaver potter blacksmith goldsmith jeweler clockmaker
shopkeeper landlord tenant manager secretary director owner customer buyer seller voter citizen immigrant teenager`);

export const ANIMALS = words(`
dog cat horse cow pig sheep goat chicken duck goose turkey donkey mule camel llama elephant lion tiger leopard cheetah
wolf fox bear badger otter beaver rabbit hare squirrel hedgehog mouse rat hamster mole bat deer moose buffalo antelope
giraffe zebra monkey gorilla kangaroo koala panda dolphin whale seal walrus shark salmon trout herring eel octopus crab
lobster shrimp oyster snail worm spider ant bee wasp beetle butterfly moth dragonfly mosquito cricket grasshopper frog
toad lizard turtle snake crocodile eagle falcon hawk owl crow raven sparrow robin swallow pigeon parrot penguin swan
heron stork ostrich peacock woodpecker seagull puppy kitten calf lamb foal pony`);

export const THINGS = words(`
table chair desk lamp candle mirror clock watch window door curtain carpet pillow blanket bed sofa shelf drawer basket
box bag suitcase trunk barrel bottle jar cup glass mug plate bowl spoon fork knife kettle pot pan oven stove fridge sink
bucket broom brush sponge towel soap comb razor needle thread button zipper ribbon rope chain wire nail screw hammer
saw drill ladder shovel rake hoe axe wheel cart wagon carriage bicycle motorcycle car truck bus train tram subway
ship boat canoe raft anchor sail oar plane rocket balloon kite parachute engine motor pump valve pipe hose tank bridge
gate fence wall roof chimney stair brick stone pebble board plank beam pole stick branch log leaf flower petal root seed
book letter envelope stamp postcard newspaper magazine map atlas dictionary diary notebook page pencil pen crayon chalk
ruler eraser paper card ticket coin wallet purse key lock bell whistle drum flute violin piano guitar trumpet harp organ
song melody picture painting photograph statue camera telescope microscope computer keyboard screen printer telephone
radio television speaker battery cable switch plug bulb fan heater shirt jacket coat sweater scarf glove hat cap boot
shoe sandal sock belt dress skirt apron uniform pocket sleeve collar crown ring necklace bracelet umbrella tent
lantern torch compass shield sword spear arrow bow helmet flag banner puzzle toy doll ball net racket bat skate sled
machine robot tool instrument weapon treasure jewel diamond pearl medal trophy gift parcel package poster sign label
curtain cushion vase teapot tray napkin tablecloth saucer hook hinge handle lever spring magnet lens mask costume wig
bandage pill syringe stretcher crutch cradle swing slide seesaw fountain bench statue monument`);

export const FOODS = words(`
apple pear peach plum cherry grape banana orange lemon lime melon strawberry raspberry blueberry apricot fig date
coconut pineapple mango olive tomato potato carrot onion cabbage lettuce cucumber pumpkin pepper bean pea mushroom turnip
radish egg cheese sandwich sausage omelet pancake waffle biscuit cookie cake pie tart pudding muffin pretzel roll loaf
soup stew salad pizza noodle dumpling burger steak walnut almond peanut chestnut hazelnut candy lollipop popsicle`);

export const PLACES = words(`
house cottage castle palace tower church chapel temple school college university library museum theater cinema station
airport harbor port market shop bakery bank hospital pharmacy hotel restaurant cafe kitchen bathroom bedroom cellar attic
garage garden yard park playground stadium farm barn stable field meadow orchard vineyard forest wood jungle desert
island beach coast bay river stream lake pond waterfall valley hill mountain volcano cave canyon cliff glacier swamp road
street avenue alley lane square corner crossing tunnel village town city suburb capital country kingdom border factory
mill mine quarry laboratory workshop studio office courtroom prison barracks camp lighthouse windmill greenhouse
warehouse cemetery monastery embassy parliament zoo aquarium circus fairground racetrack gymnasium`);

export const IDEAS = words(`
idea plan reason answer question problem solution story secret promise mistake lesson rule law habit custom dream hope
fear wish memory thought feeling opinion belief doubt choice decision chance risk danger surprise accident adventure
journey voyage visit meeting party wedding festival holiday contest race game battle war victory defeat speech lecture
conversation argument joke rumor message report article chapter poem novel theory experiment discovery invention
project contract agreement treaty bargain debt price reward punishment crime election campaign tradition legend myth
method system pattern detail example difference purpose effort talent skill career profession hobby exercise performance
concert rehearsal interview appointment schedule deadline emergency disaster storm flood earthquake drought eclipse
shadow reflection echo silence rhythm signal symbol color shape number equation formula measurement calculation`);

export const STUFF = words(`
water milk coffee tea juice wine beer bread butter honey sugar salt flour rice pasta meat fish fruit jam chocolate
vinegar mustard sand mud clay snow ice rain smoke steam dust gold silver copper iron steel wood cotton wool silk leather
paint ink glue wax oil gas coal money luggage furniture equipment information advice music poetry laughter patience
courage wisdom kindness honesty luck happiness sadness freedom justice knowledge weather thunder lightning fog sunshine`);
