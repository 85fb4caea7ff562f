// vigia: watches a host and its containers. See `vigia --help`.
#include "vigia/app/commands.h"

int main(int argc, char** argv) { return vigia::program().run(argc, argv); }
