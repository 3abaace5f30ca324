import type { Grammar } from "../grammar.js";
import { phrases, words } from "../words/words.js";

export const SPANISH: Grammar = {
  sentence: [
    "{who} {does} {what} {where?}.",
    "{who} {does} {what} {when}.",
    "{when}, {who} {does} {what} {where?}.",
    "{who} {acts} {where} y {who} {acts} {where}.",
    "¿por qué {does} {who} {what}?",
    "{who} dice que es {quality}.",
    "{who} piensa que no es {quality}, pero {who} {acts}.",
    "hay {number} {many} {where}.",
    "{where} {acts} {who} {when?}.",
  ],
  who: phrases(`
    el profesor\nel hombre viejo\nla mujer joven\nel niño\nmi hermana\nnuestro vecino\nel médico\nel panadero\nel jardinero
    la reina\nel perro\nel gato negro\nel caballo blanco\nmi hermano\nsu tía\nsu tío\nla maestra\nel muchacho\nla niña alegre
    el conductor\nla cantante\nel policía\nla abuela\nel abuelo\nun extranjero\nuna amiga\nel pescador\nel juez
    la campesina\nel pájaro\nel zorro\nla rata`),
  does: words(`busca encuentra compra vende lleva trae pinta dibuja limpia lava abre cierra mira escucha conoce quiere
    toma olvida pierde muestra repara esconde describe regala fotografía guarda comparte prepara admira tira`),
  what: phrases(`
    la llave\nla puerta\nla ventana\nla manzana roja\nla botella verde\nel libro viejo\nuna carta larga\nuna flor hermosa
    una bicicleta nueva\nla caja pesada\nla mesa redonda\nel barco pequeño\nel reloj de oro\nel abrigo\nel puente\ndos huevos
    muchos peces\npan fresco\nagua fría\nsopa caliente\nel coche\nel periódico\nel cuadro\nun sombrero\nuna lámpara
    un cuchillo\nla silla\nla canción\nla historia\nla pelota\nel tambor\nlos zapatos`),
  acts: words("duerme espera canta baila ríe llora trabaja lee escribe juega corre salta nada sueña cocina"),
  where: phrases(`
    en el jardín\nen la cocina\nen la montaña\njunto al río\ndetrás de la casa\ndelante de la escuela\ndebajo del puente
    en el bosque\nen la ciudad\nen el mercado\nal lado de la iglesia\nen el tren\nen la estación\nen la calle\nen el sótano
    en un pueblo\nentre los árboles\nen la playa\nen el museo\nen el taller\ncerca del puerto`),
  when: phrases(`
    por la mañana\npor la tarde\npor la noche\nen invierno\nen verano\nlos lunes\nlos viernes\ntodos los días
    después de comer\na las ocho\nantes de la fiesta\nen enero\nen octubre\ncada semana\nlos domingos\ndesde ayer`),
  quality:
    words(`fácil difícil importante posible imposible útil inútil extraño simple peligroso magnífico terrible normal
    raro justo falso nuevo divertido triste gracioso prudente seguro`),
  number: words(
    "dos tres cuatro cinco seis siete ocho nueve diez once doce trece veinte treinta cuarenta cincuenta cien",
  ),
  many: words(`casas árboles libros pájaros niños barcos puentes flores ventanas calles caballos estrellas luces mesas
    puertas`),
};
