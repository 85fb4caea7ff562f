// estadio: a live competition, from a POST to a proven score. See `estadio --help`.
#include "estadio/app/commands.h"

int main(int argc, char** argv) { return estadio::program().run(argc, argv); }
