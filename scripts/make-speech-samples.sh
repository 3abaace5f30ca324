#!/usr/bin/env bash
# Makes the speech of test/fixtures/audio and examples/speech.wav; test/fixtures/audio/README.md describes the result.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "make-speech-samples: $1" >&2
  exit 1
}

for program in espeak-ng flite sox flac lame oggenc opusenc; do
  command -v "$program" > /dev/null ||
    fail "$program is missing (Debian: apt-get install espeak-ng flite sox flac lame vorbis-tools opus-tools)"
done
flite -lv | grep -qw slt || fail "this flite has no voice slt"

fixtures=test/fixtures/audio
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$fixtures" examples

# Repeatable (-R), without dither (-D): 24 kHz, mono, 16 bits, peaks at -3 dB, quiet ends of fixed length.
to_speech() {
  sox -R -D "$1" -c 1 -b 16 "$2" norm -6 rate -v 24000 \
    silence 1 0.02 0.1% reverse silence 1 0.02 0.1% reverse pad 0.1 0.15 norm -3
}

espeak-ng -v en-us -s 165 -p 45 -w "$scratch/fixture.wav" \
  "The kettle was singing when she came home. Seven quiet ships crossed the harbour before noon."
to_speech "$scratch/fixture.wav" "$fixtures/speech.wav"

flite -voice slt -o "$scratch/example.wav" -t \
  "Speech can be written down as a row of numbers, and read aloud again. Each token stands for a small piece of sound."
to_speech "$scratch/example.wav" examples/speech.wav

# The first second, in every compressed format.
first="$fixtures/speech-1s.wav"
sox -R -D "$fixtures/speech.wav" "$first" trim 0 24000s
flac --silent --force --best --no-padding -o "$fixtures/speech-1s.flac" "$first"
flac --silent --force --best --no-padding --ogg --serial-number=1 -o "$fixtures/speech-1s.oga" "$first"
lame --quiet -m m -b 64 "$first" "$fixtures/speech-1s.mp3"
oggenc --quiet --serial 1 --quality 5 -o "$fixtures/speech-1s.ogg" "$first"
opusenc --quiet --serial 1 --bitrate 48 "$first" "$fixtures/speech-1s.opus"

# A tenth of a second, in every encoding of WAV.
tenth() {
  sox -R -D "$first" "$@" trim 7200s 2400s
}
tenth -e unsigned-integer -b 8 "$fixtures/pcm8.wav"
tenth -e signed-integer -b 16 "$fixtures/pcm16.wav"
tenth -e signed-integer -b 24 "$fixtures/pcm24.wav"
tenth -e signed-integer -b 32 "$fixtures/pcm32.wav"
tenth -e floating-point -b 32 "$fixtures/float32.wav"
tenth -e floating-point -b 64 "$fixtures/float64.wav"
sox -R -D -M "$fixtures/pcm16.wav" -v 0.5 "$fixtures/pcm16.wav" -v -0.25 "$fixtures/pcm16.wav" \
  -e signed-integer -b 16 "$fixtures/pcm16-3channels.wav"
sox -D "$fixtures/pcm16.wav" -t raw - | sox -D -t raw -r 24000 -e signed-integer -b 16 -c 1 - -t wav - | cat > "$fixtures/pcm16-streamed.wav"
